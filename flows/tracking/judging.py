"""A model before the gate: its evidence and the champion's, brought together and compared on the same images."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from flows.tracking.findings import HASH_TAG, Findings
from flows.tracking.gate import Condition, Decision, decide
from flows.tracking.model_card import describe_model, write_card
from flows.tracking.registry import STRATEGY_TAG, Registry
from tasks.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from tasks.evaluate.scored import Scored
    from tasks.promotion.challenge import Challenge
    from tasks.promotion.evidence import Evidence

CARD = "model-card.md"
JUDGED = "judged"  # the folder among the artifacts of a model's run
FORCE = '`equipoise promote --force --because "..."` decides without it'


@dataclass(frozen=True)
class Contender:
    """A registered model, and what is known of how it was judged."""

    version: ModelVersion
    evidence: Evidence

    @property
    def strategy(self) -> str:
        """Whose model it is."""
        return str(self.evidence.about["strategy"])

    @property
    def guarded(self) -> str:
        """The class whose recall is guarded."""
        return str(self.evidence.about["guard"]["recall_of"])


def judge(
    client: MlflowClient, registry: Registry, findings: Findings, version: ModelVersion, *, asked: bool
) -> Decision:
    """Hold a registered model against the gate of the present parameters.

    Parameters
    ----------
    client
        Of the tracking store.
    registry
        With the version.
    findings
        The present results, which the model may or may not be part of.
    version
        The challenger.
    asked
        Whether someone asked for it: then it may come back from where it was taken back.
    """
    champion, number = registry.champion, str(version.version)
    former = str(champion.version) if champion else None
    strategy = version.tags.get(STRATEGY_TAG, "")
    if former == number:
        standing = Condition("champion", "this model, or a better one", f"version {number} is champion already", True)
        return Decision(strategy, number, former, [standing])
    with tempfile.TemporaryDirectory() as scratch:
        place = Path(scratch)
        evidence = _evidence(client, findings, version, place)
        if evidence is None:
            unknown = "none that can be read: an earlier version of Equipoise may have registered it"
            lacking = Condition("record of how it was judged", "kept with the model", unknown, False)
            return Decision(strategy, number, former, [lacking])
        challenger = Contender(version, evidence)
        told, found = None, None
        if champion is not None:
            told = f"version {former} ({champion.tags.get(STRATEGY_TAG, '')})"
            found = _compare(client, findings, champion, challenger, place)
    conditions = decide(evidence.about, findings.params.track.gate, told, found)
    left = None if asked else registry.taken_back(number)
    if left is not None:
        reason = f" because {left.because}" if left.because else ""
        found_back = (
            f"someone went back from it on {left.time[:10]}{reason}; `equipoise promote {number}` asks for it again"
        )
        conditions.append(Condition("taken back", "not", found_back, False))
    return Decision(strategy, number, former, conditions)


def keep_evidence(client: MlflowClient, findings: Findings, strategy: str, run_id: str) -> None:
    """Keep with the run that holds a present strategy's model how it was judged, and its card, unless it does."""
    from tasks.promotion.evidence import Evidence

    if client.list_artifacts(run_id, JUDGED):
        return
    with tempfile.TemporaryDirectory() as scratch:
        Evidence.gather(findings.root, strategy, findings.about(strategy)).write(Path(scratch))
        write_card(describe_model(findings, strategy), Path(scratch) / CARD)
        client.log_artifacts(run_id, scratch, JUDGED)


def _compare(
    client: MlflowClient, findings: Findings, champion: ModelVersion, challenger: Contender, place: Path
) -> Challenge | str:
    """The two on the same images, or why that can't be."""
    from tasks.promotion.challenge import (
        IN_COMMON,
        OUT_OF_FOLD,
        challenge,
        class_changes,
        decided_for,
        decided_out_of_fold,
        goal_of,
        group_counts,
        in_common,
        lacking,
        only,
        same_images,
    )

    known = _evidence(client, findings, champion, place)
    if known is None:
        return f"version {champion.version} keeps no record of how it was judged that can be read; {FORCE}"
    changed = class_changes(known.classes, challenger.evidence.classes)
    if changed:
        return f"they don't know the same classes: {changed}; {FORCE}"
    goal, level = goal_of(findings.leaderboard["goal"]), findings.params.evaluate
    rows = in_common(known, challenger.evidence)
    same = same_images(known, challenger.evidence)
    if same or not lacking(group_counts(rows, known.classes), goal, challenger.guarded):
        pair = [decided_out_of_fold(one, *decided_for(one, goal, level)) for one in (known, challenger.evidence)]
        pair = pair if same else [only(one, rows) for one in pair]
        return challenge(pair[0], pair[1], OUT_OF_FOLD if same else IN_COMMON, goal, challenger.guarded, level)
    try:
        return _held_out(client, findings, Contender(champion, known), challenger, place)
    except InputError as error:  # an old model that can't be loaded any more, for instance
        return f"they can't be run on the present test part: {error}; {FORCE}"


def _held_out(
    client: MlflowClient, findings: Findings, champion: Contender, challenger: Contender, place: Path
) -> Challenge | str:
    """The two on those images of the present test part that neither has learnt from; logged as a look at it."""
    from tasks.compare.looks import Look, add_looks
    from tasks.promotion.challenge import (
        HELD_OUT,
        challenge,
        decided_elsewhere,
        decided_for,
        goal_of,
        group_counts,
        lacking,
        scores_digest,
        unseen,
    )
    from tasks.tables import SPLITS

    classes, guarded = challenger.evidence.classes, challenger.guarded
    goal, level = goal_of(findings.leaderboard["goal"]), findings.params.evaluate
    learnt_from = champion.evidence.learnt_from | challenger.evidence.learnt_from
    rows = unseen(SPLITS.read(SPLITS.place(findings.root)), learnt_from)
    rows = rows[rows["label"].isin(classes)].reset_index(drop=True)
    reason = lacking(group_counts(rows, classes), goal, guarded)
    why = "the images have changed since the champion was judged, both know too few training images"
    if reason:
        return f"{why}, and of the test part neither has learnt from {len(rows):,} images: {reason}; {FORCE}"
    both = (champion, challenger)
    scored = [_scores(client, findings, one, rows, place) for one in both]
    pair = [
        decided_elsewhere(one, of.evidence, *decided_for(of.evidence, goal, level))
        for one, of in zip(scored, both, strict=True)
    ]
    found = challenge(pair[0], pair[1], HELD_OUT, goal, guarded, level)
    reached = found.reached or ()
    looks = [
        Look(of.strategy, scores_digest(one), goal.metric, round(value, 6))
        for of, one, value in zip(both, pair, reached, strict=True)
    ]
    add_looks(findings.root, looks)
    return found


def _scores(client: MlflowClient, findings: Findings, contender: Contender, rows: pd.DataFrame, place: Path) -> Scored:
    """What a contender says of rows of the test part: what was kept of it if it is a present one, else its model."""
    from tasks.promotion.challenge import kept_scores, scores_of
    from tasks.train.models import ABOUT

    strategy = findings.strategy_of(contender.version.tags.get(HASH_TAG))
    if strategy is not None:
        return kept_scores(findings.root, strategy, rows)
    folder = place / f"model-{contender.version.version}"
    folder.mkdir()
    downloaded = Path(client.download_artifacts(str(contender.version.run_id), "train/model", str(folder)))
    (model,) = (file.parent for file in downloaded.rglob(ABOUT))
    return scores_of(model, findings.root, rows)


def _evidence(client: MlflowClient, findings: Findings, version: ModelVersion, place: Path) -> Evidence | None:
    """How a version was judged: from the workspace if it is a present one, else from its run; None if neither tells."""
    from tasks.promotion.evidence import Evidence

    strategy = findings.strategy_of(version.tags.get(HASH_TAG))
    if strategy is not None:
        return Evidence.gather(findings.root, strategy, findings.about(strategy))
    if not version.run_id or not client.list_artifacts(version.run_id, JUDGED):
        return None
    folder = place / f"judged-{version.version}"
    folder.mkdir()
    kept = Path(client.download_artifacts(version.run_id, JUDGED, str(folder)))
    try:
        return Evidence.read(kept)
    except InputError:  # broken, or of a version of Equipoise that wrote other tables
        return None
