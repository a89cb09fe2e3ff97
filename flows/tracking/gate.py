"""The gate: whether a model may become champion, condition by condition, with the numbers that decided each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from flows.wording import interval
from tasks.decimals import decimal, percent, signed
from tasks.params.models import Gate
from tasks.shortcuts import NOT_AUDITED, SHORTCUT, UNCLEAR

if TYPE_CHECKING:
    from tasks.promotion.challenge import Challenge

PASSED, HELD, FORCED = "passed", "held back", "forced"
HEADINGS = ("condition", "wanted", "found", "held?")


@dataclass(frozen=True)
class Condition:
    """One condition of the gate.

    Attributes
    ----------
    condition
        What is looked at.
    wanted, found
        In words.
    held
        Whether what was found is what is wanted.
    numbers
        What the words say, for programs.
    """

    condition: str
    wanted: str
    found: str
    held: bool
    numbers: Mapping[str, Any] = field(default_factory=dict)

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """Its row under `HEADINGS`."""
        return self.condition, self.wanted, self.found, "yes" if self.held else "NO"


@dataclass(frozen=True)
class Decision:
    """What the gate says of a model.

    Attributes
    ----------
    strategy, version
        Whose model, and its version in the registry.
    champion
        The version that was champion before; None if there was none.
    conditions
        All of them, those that were not asked for too.
    because
        Why someone promoted it though the gate holds it back; empty if nobody did.
    """

    strategy: str
    version: str
    champion: str | None
    conditions: Sequence[Condition]
    because: str = ""

    @property
    def held(self) -> bool:
        """Whether all conditions hold."""
        return all(one.held for one in self.conditions)

    @property
    def passed(self) -> bool:
        """Whether it is champion: the gate let it through, or someone did."""
        return self.held or bool(self.because)

    @property
    def outcome(self) -> str:
        """`PASSED`, `HELD` or `FORCED`."""
        return PASSED if self.held else FORCED if self.because else HELD

    @property
    def reason(self) -> str:
        """Why, as a sentence without a full stop: what does not hold, or else what was asked for and holds."""
        failed = [f"{one.condition}: {one.found}; wanted is {one.wanted}" for one in self.conditions if not one.held]
        if self.because:
            return (
                f"{self.strategy} was promoted because {self.because}, though the gate holds it back ({_all(failed)})"
            )
        if failed:
            return f"{self.strategy} is held back: {_all(failed)}"
        told = [f"{one.condition}: {one.found}" for one in self.conditions if one.found]
        return f"{self.strategy} passes the gate" + (f": {_all(told)}" if told else "")

    def as_json(self) -> dict[str, Any]:
        """All of it, and what follows from it."""
        return asdict(self) | {"outcome": self.outcome, "reason": self.reason}

    @classmethod
    def of_json(cls, kept: Mapping[str, Any]) -> Decision:
        """What `as_json` gave."""
        conditions = [Condition(**one) for one in kept["conditions"]]
        return cls(kept["strategy"], kept["version"], kept["champion"], conditions, kept["because"])


def decide(
    about: Mapping[str, Any],
    settings: Gate,
    champion: str | None,
    challenge: Challenge | str | None,
) -> list[Condition]:
    """Ask all conditions of a model.

    Parameters
    ----------
    about
        What was found of it (`flows.tracking.findings.Findings.about`).
    settings
        Of ``track.gate``.
    champion
        Who is champion, in words; None if nobody is.
    challenge
        The two on the same images, or why they can't be compared; None if there is no champion.
    """
    return [
        _use(about),
        _gain(about, settings),
        _against(settings, champion, challenge),
        _guard(about, settings, champion, challenge),
        _calibration(about, settings),
        _audit(about, settings),
    ]


def _use(about: Mapping[str, Any]) -> Condition:
    """Whether it reaches more than one who doesn't look at the images; its record keeps that since this is asked."""
    name = "use at all"
    if "reached" not in about:
        return Condition(name, "more than without a look at the images", "not known of an earlier version", True)
    wanted = f"above {decimal(about['guessed'])}, as without a look at the images"
    numbers = {"reached": about["reached"], "guessed": about["guessed"]}
    held = about["reached"]["value"] > about["guessed"]
    return Condition(name, wanted, f"{interval(about['reached'])} {about['judged_by']}", held, numbers)


def _gain(about: Mapping[str, Any], settings: Gate) -> Condition:
    difference = about["difference"]
    if difference is None:
        return Condition("gain over the baseline", "nothing: it is the baseline", "", True)
    least = settings.min_gain
    return Condition(
        f"gain over {about['baseline']}",
        f"lower end above {signed(least)} (track.gate.min_gain)",
        f"{interval(difference, signed=True, beside=least)} {about['judged_by']}",
        difference["low"] > least,
        {"min_gain": least, "difference": difference},
    )


def _against(settings: Gate, champion: str | None, challenge: Challenge | str | None) -> Condition:
    if challenge is None:
        return Condition("difference to the champion", "nothing: there is no champion yet", "", True)
    name = f"difference to the champion, {champion}"
    rules = {
        "proved": "lower end above 0",
        "expected": "above 0",
        "not_worse": "upper end not below 0",
    }
    wanted = f"{rules[settings.over_champion]} (track.gate.over_champion)"
    if isinstance(challenge, str):
        return Condition(name, wanted, challenge, False)
    numbers: dict[str, Any] = {"where": challenge.where, "images": challenge.images, "images_sha256": challenge.digest}
    difference = challenge.difference
    if difference is None:
        return Condition(name, wanted, challenge.lacking, False, numbers)
    held = {
        "proved": difference.low > 0,
        "expected": difference.value > 0,
        "not_worse": difference.high >= 0,
    }
    found = f"{interval(difference.as_json(), signed=True)} on the same {challenge.images:,} images, {challenge.where}"
    numbers |= {"difference": difference.as_json(), "reached": challenge.reached}
    return Condition(name, wanted, found, held[settings.over_champion], numbers)


def _guard(
    about: Mapping[str, Any], settings: Gate, champion: str | None, challenge: Challenge | str | None
) -> Condition:
    label, may_fall = about["guard"]["recall_of"], about["guard"]["may_fall"]
    name = f"recall of {label}"
    if not settings.guard:
        return Condition(name, "anything (track.gate.guard)", "", True)
    whose = "champion" if champion else "baseline"
    recall: tuple[float, float] | None = (about["baseline_recall"][label], about["recall"][label])
    if challenge is not None:
        recall = None if isinstance(challenge, str) else challenge.recall
    most = f"a fall of no more than {percent(may_fall)} of the {whose}'s (compare.guard.may_fall)"
    if recall is None:
        return Condition(name, most, "can't be told", False)
    before, after = recall
    return Condition(
        name,
        most,
        f"from {decimal(before)} to {decimal(after)}",
        after >= before * (1 - may_fall) - 1e-12,
        {"may_fall": may_fall, whose: before, "challenger": after},
    )


def _calibration(about: Mapping[str, Any], settings: Gate) -> Condition:
    name, most, found = "calibration error", settings.max_calibration_error, about["calibration_error"]
    told = interval(found) if found else "none: its scores are no probabilities"
    if most is None:
        return Condition(name, "anything (track.gate.max_calibration_error)", told, True, {"found": found})
    wanted = f"at most {decimal(most)} (track.gate.max_calibration_error)"
    return Condition(name, wanted, told, bool(found) and found["value"] <= most, {"most": most, "found": found})


def _audit(about: Mapping[str, Any], settings: Gate) -> Condition:
    outcome = about["audit"]["outcome"]
    refused = {"clean": {SHORTCUT}, "certain": {SHORTCUT, UNCLEAR, NOT_AUDITED}, "any": set[str]()}[settings.audit]
    wanted = {"clean": "no shortcut found", "certain": "certainly no shortcut", "any": "anything"}[settings.audit]
    return Condition(
        "audit", f"{wanted} (track.gate.audit)", outcome, outcome not in refused, {"reason": about["audit"]["reason"]}
    )


def _all(sentences: Sequence[str]) -> str:
    return "; ".join(sentences)
