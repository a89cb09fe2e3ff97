"""The checks that there are, those of other packages among them."""

from __future__ import annotations

from functools import cache

from tasks.explore.checks import Check
from tasks.explore.properties import Property
from tasks.registry import components


@cache
def all_checks() -> dict[str, Check]:
    """The checks by name, in the order of the report."""
    checks = {name: check() for name, check in components("tasks.explore.checks").items()}
    return dict(sorted(checks.items(), key=lambda item: (item[1].order, item[0])))


def measure_titles() -> dict[str, str]:
    """What the report calls the measures that the checks compare, by name."""
    properties = [check for check in all_checks().values() if isinstance(check, Property)]
    return {name: measure.title for check in properties for name, measure in check.measures.items()}
