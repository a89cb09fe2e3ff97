"""MLflow's registry: a version a model, who is champion, who was before, and why.

The alias `CHAMPION` says who is champion, `PREVIOUS` to whom `equipoise promote --back` returns. Each change is a tag
of the registered model, ``champion.0001`` and so on, and a line in its description.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flows.markdown import GAP, plain, table
from flows.tracking.gate import HEADINGS, Decision

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

CHAMPION, PREVIOUS = "champion", "previous"
STRATEGY_TAG = "strategy"
DECISION = "gate.json"
BY_GATE, ASKED, FORCED, BACK = "gate", "asked", "forced", "back"
_EVENT = re.compile(r"champion\.\d{4,}")
_SHOWN = 20  # changes in the description
_LONGEST = 5_000  # characters of a description, or of a tag of a registered model, that every database of MLflow takes
_LONGEST_REASON = 2_000  # of a change


@dataclass(frozen=True)
class Event:
    """A change of the champion.

    Attributes
    ----------
    version, strategy
        Who became champion.
    former
        The version that was until then; None if there was none.
    time
        In UTC, ISO 8601.
    how
        `BY_GATE` after a run, `ASKED` for by someone and passed by the gate, `FORCED` against it, or `BACK`.
    because
        The gate's reason, or that of who forced it or went back.
    """

    version: str
    strategy: str
    former: str | None
    time: str
    how: str
    because: str


class Registry:
    """The registered model of one experiment."""

    def __init__(self, client: MlflowClient, name: str) -> None:
        self.client = client
        self.name = name

    def find(self, identity: Mapping[str, str]) -> ModelVersion | None:
        """The version of a model by what `Findings.identity` says of it."""
        return next((one for one in self._versions() if identity.items() <= one.tags.items()), None)

    def version(self, number: str) -> ModelVersion | None:
        """The version of this number."""
        return next((one for one in self._versions() if str(one.version) == number), None)

    def numbers(self) -> list[str]:
        """The numbers of all versions, in order."""
        return sorted((str(one.version) for one in self._versions()), key=int)

    def register(self, strategy: str, identity: Mapping[str, str], run_id: str) -> ModelVersion:
        """The version of a model; it is made unless it is there.

        Parameters
        ----------
        strategy
            Whose model.
        identity
            See `Findings.identity`.
        run_id
            The run that holds them.
        """
        from mlflow.exceptions import MlflowException

        try:
            self.client.create_registered_model(self.name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        tags = {**identity, STRATEGY_TAG: strategy}
        return self.find(identity) or self.client.create_model_version(
            self.name, f"runs:/{run_id}/train/model", run_id, tags=tags
        )

    @property
    def champion(self) -> ModelVersion | None:
        """Who is champion."""
        number = self._aliases().get(CHAMPION)
        return None if number is None else self.version(str(number))

    def events(self) -> list[Event]:
        """All changes of the champion, the oldest first."""
        tags = self._tags()
        return [Event(**json.loads(tags[key])) for key in sorted(tags) if _EVENT.fullmatch(key)]

    def line(self) -> list[str]:
        """The versions that one can go back through, the champion last; those that were deleted are left out."""
        found: list[str] = []
        for event in self.events():
            if event.how == BACK:
                while found and found[-1] != event.version:
                    found.pop()
            elif event.former and found[-1:] != [event.former]:  # moved by hand, or before there were events
                found.append(event.former)
            if found[-1:] != [event.version]:
                found.append(event.version)
        present = self._aliases().get(CHAMPION)
        if present is not None and found[-1:] != [str(present)]:
            found.append(str(present))
        there = {str(one.version) for one in self._versions()}
        return [one for one in found if one in there]

    def taken_back(self, version: str) -> Event | None:
        """The change by which someone went back from a version, unless it has become champion again since."""
        left = None
        for event in self.events():
            if event.how == BACK and event.former == version:
                left = event
            elif event.version == version:
                left = None
        return left

    def make_champion(self, version: str, strategy: str, how: str, because: str) -> None:
        """Move the alias to a version and keep when and why."""
        present = self._aliases().get(CHAMPION)
        former = None if present is None else str(present)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        event = Event(version, strategy, former, now, how, because[:_LONGEST_REASON])
        number = 1 + max((int(key.partition(".")[2]) for key in self._tags() if _EVENT.fullmatch(key)), default=0)
        text = json.dumps(asdict(event), ensure_ascii=False)
        self.client.set_registered_model_tag(self.name, f"champion.{number:04d}", text)
        self.client.set_registered_model_alias(self.name, CHAMPION, version)
        line = self.line()
        if len(line) > 1:
            self.client.set_registered_model_alias(self.name, PREVIOUS, line[-2])
        elif PREVIOUS in self._aliases():
            self.client.delete_registered_model_alias(self.name, PREVIOUS)
        self.client.update_registered_model(self.name, _history(self.name, self.events()))

    def keep_decision(self, version: ModelVersion, decision: Decision) -> None:
        """Keep with a version, and among the files of its run, what the gate said of it."""
        self.client.set_model_version_tag(self.name, decision.version, "gate", decision.outcome)
        self.client.set_model_version_tag(self.name, decision.version, "gate_reason", decision.reason)
        self.client.update_model_version(self.name, decision.version, _fitting(decision_note(decision)))
        if version.run_id:
            self.client.log_dict(version.run_id, decision.as_json(), DECISION)

    def _versions(self) -> list[ModelVersion]:
        return list(self.client.search_model_versions(f"name = '{self.name}'"))

    def _aliases(self) -> dict[str, str]:
        return self._registered()[0]

    def _tags(self) -> dict[str, str]:
        return self._registered()[1]

    def _registered(self) -> tuple[dict[str, str], dict[str, str]]:
        """Aliases and tags of the registered model; none if there is none."""
        from mlflow.exceptions import MlflowException

        try:
            found = self.client.get_registered_model(self.name)
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return {}, {}
        return dict(found.aliases), dict(found.tags)


def decision_note(decision: Decision) -> str:
    """What the gate said, as Markdown."""
    told = f"{decision.strategy}, {decision.outcome} by the gate"
    if decision.because:
        told = f"{decision.strategy}, promoted against the gate because {plain(decision.because)}"
    rows = [[plain(cell) for cell in one.cells] for one in decision.conditions]
    return "\n".join([f"{told}:", "", *table(HEADINGS, rows, GAP)])


def _history(name: str, events: Sequence[Event]) -> str:
    rows = [
        [f"version {one.version}", plain(one.strategy), one.time.replace("T", " ")[:16], one.how, plain(one.because)]
        for one in reversed(events[-_SHOWN:])
    ]
    head = ("champion", "strategy", "since (UTC)", "how", "why")
    told = f"Classifiers of {plain(name)}, by Equipoise. Who was champion, the present one first:"
    return _fitting("\n".join([told, "", *table(head, rows, GAP)]))


def _fitting(text: str) -> str:
    """As many lines, from the first, as MLflow's databases take."""
    lines = text.splitlines()
    while len("\n".join(lines)) > _LONGEST:
        lines.pop()
    return "\n".join(lines)
