"""The card of a model: what it is for, what it learnt from, how it was judged, where it fails.

In JSON for programs and in Markdown for people, under the headings of Mitchell et al., Model cards for model reporting,
2019. All of it is read from what the stages wrote and from `params.yaml`; what nobody stated is said to be not stated.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from flows.markdown import plain, table
from flows.tracking.findings import Findings
from flows.wording import bet, interval
from tasks.decimals import decimal, percent
from tasks.errors import InputError
from tasks.files import read_json, write_json, write_text
from tasks.params import Params
from tasks.shortcuts import CLEAN, NOTHING

UNSAID = "Not stated (`release.{}` in params.yaml)."
STATED = ("description", "license", "sources", "intended_use", "out_of_scope")
MEANS = ("balanced_accuracy", "macro_f1")
PER_CLASS = ("recall", "precision", "f1")


def describe_model(findings: Findings, strategy: str) -> dict[str, Any]:
    """What the card of a strategy's model says; the strategy was judged in this run."""
    params, board, row = findings.params, findings.leaderboard, findings.rows[strategy]
    folder = findings.root / findings.output_of(strategy)
    saved = read_json(folder / "model.json")
    recipes = list(dict.fromkeys(one.recipe for one in params.made_of(strategy).values()))
    metrics, baseline = findings.metrics[strategy], board["baseline"]
    guarded = board["guard"]["recall_of"]
    balanced = [f"data/balanced/{recipe}" for recipe in recipes]
    return {
        "strategy": strategy,
        **{name: getattr(params.release, name) for name in STATED},
        "made_of": _made_of(params, strategy),
        "sees": _seen(folder),
        "fits": saved["seeds"],
        "mean_of": saved.get("of") or saved.get("vote") or "scores",
        "versions": _versions(findings, strategy),
        "git_commit": findings.git_commit,
        "dvc_lock_sha256": findings.lock_digest,
        "hashes": {
            path: findings.hashes[path]
            for path in ("data/catalog", "data/splits", *balanced, findings.output_of(strategy))
        },
        "classes": _classes(findings, recipes[0] if len(recipes) == 1 else None),
        "judging": {
            "metric": board["metric"],
            "judged_by": board["judged_by"],
            "corrected": params.compare.goal.corrected,
            "judged_classes": board["judged_classes"],
            "not_measurable": board["not_measurable"],
            "confidence": board["confidence"],
            "folds": params.split.folds,
            "repeats": params.split.repeats,
            "by": params.split.by,
            "seeds": params.train.seeds,
        },
        "metrics": metrics,
        "baseline": baseline,
        "recommended": board["recommended"],
        **{key: row[key] for key in ("verdict", "difference", "bet")},
        "guard": {
            **board["guard"],
            "baseline": findings.metrics[baseline][f"recall.{guarded}"],
            "model": metrics[f"recall.{guarded}"],
        },
        "audit": row["audit"],
        "held_out": {
            "images": board["test"]["images"],
            "sentence": board["test"]["sentence"] if strategy == board["recommended"] else "",
            "metrics": findings.held_out.get(strategy),
        },
    }


def write_card(card: Mapping[str, Any], path: Path) -> Path:
    """Write the card for people to `path`, and beside it that for programs, whose path is returned.

    Raises
    ------
    InputError
        There a file stands that belongs to no card.
    """
    beside = path.with_suffix(".json")
    if beside.exists() and not path.exists():
        raise InputError(f"{beside}: stands there already, and the card for programs goes there; choose another --to")
    write_text(path, markdown(card))
    write_json(beside, card)
    return beside


def markdown(card: Mapping[str, Any]) -> str:
    """The card for people."""
    judging = card["judging"]
    metric = plain(judging["judged_by"])
    mean = f", a mean over {_list(judging['judged_classes'])}" if judging["metric"] in MEANS else ""
    decides = "by a rule that was fitted to scores of other folds" if judging["corrected"] else "for the largest score"
    lines = [f"# {plain(card['strategy'])}: an image classifier", ""]
    if card["description"]:
        lines += [card["description"], ""]
    sections = {
        "Model Details": _details(card),
        "Intended Use": _use(card),
        "Factors": _factors(card),
        "Metrics": [
            f"Judged is {metric}{mean}. Intervals are at {percent(judging['confidence'])}; they come from resampled "
            f"groups of related images and from the {card['fits']} fits, so they speak of other images of the same "
            f"kind and of training again. It decides {decides}.",
        ],
        "Evaluation Data": _evaluation_data(card),
        "Training Data": _training_data(card),
        "Quantitative Analyses": _analyses(card, metric),
        "Ethical Considerations": [
            "Not stated. Equipoise judges classes. Whether the model works alike for people, places or cameras was not "
            "looked at; `split.by: group` judges it on groups that it has not seen.",
        ],
        "Caveats and Recommendations": _caveats(card),
    }
    for heading, said in sections.items():
        lines += [f"## {heading}", "", *said, ""]
    return "\n".join(lines)


def _details(card: Mapping[str, Any]) -> list[str]:
    made = [[plain(key), _settings(value)] for key, value in card["made_of"].items()]
    versions = ", ".join(f"{name} {number}" for name, number in card["versions"].items())
    return [
        f"Made by Equipoise: {card['fits']} fits, whose {card['mean_of']} are averaged.",
        "",
        *table(["", ""], [*made, ["sees", _sees(card["sees"])]]),
        "",
        f"Licence of the images that it learnt from: {plain(card['license']) or UNSAID.format('license')}",
        "",
        f"Made with {plain(versions)}, on git commit `{card['git_commit']}`. DVC's hashes:",
        "",
        *table(["data", "hash"], [[f"`{path}`", f"`{md5}`"] for path, md5 in card["hashes"].items()]),
    ]


def _use(card: Mapping[str, Any]) -> list[str]:
    return [
        f"Intended: {card['intended_use'] or UNSAID.format('intended_use')}",
        "",
        f"Out of scope: {card['out_of_scope'] or UNSAID.format('out_of_scope')} Images of anything but these classes: "
        "the model always names one of them.",
    ]


def _factors(card: Mapping[str, Any]) -> list[str]:
    few = card["judging"]["not_measurable"]
    said = "Results are given for each class, with its images and groups of related images."
    if few:
        told = ", ".join(f"{plain(label)} ({number} groups)" for label, number in few.items())
        said += f" Of {told} there are too few groups of related images for a figure to be relied on."
    return [said]


def _evaluation_data(card: Mapping[str, Any]) -> list[str]:
    judging = card["judging"]
    times = f", {judging['repeats']} times over" if judging["repeats"] > 1 else ""
    kinds = {"class": "stratified by class", "time": "the latest images held out", "group": "a given group each"}
    return [
        f"Out of fold: every training image was judged by models that had seen neither it nor a relative of it "
        f"({judging['folds']} folds{times}, {kinds[judging['by']]}). Beside that, {card['held_out']['images']:,} "
        "held-out images, of which only the baseline and the recommended strategy are scored.",
        "",
        f"Sources: {plain(card['sources']) or UNSAID.format('sources')}",
    ]


def _training_data(card: Mapping[str, Any]) -> list[str]:
    origins = list(dict.fromkeys(origin for one in card["classes"].values() for origin in one["balanced"]))
    rows = [
        [
            plain(label),
            f"{one['train']:,}",
            f"{one['groups']:,}",
            *(f"{one['balanced'].get(origin, 0):,}" for origin in origins),
            f"{one['test']:,}",
        ]
        for label, one in card["classes"].items()
    ]
    return [
        "Images and groups of related images a class, before balancing, then rows of the balanced training set by "
        "where they come from.",
        "",
        *table(["class", "training images", "groups", *map(plain, origins), "held-out images"], rows),
    ]


def _analyses(card: Mapping[str, Any], metric: str) -> list[str]:
    metrics, guard = card["metrics"], card["guard"]
    label = plain(guard["recall_of"])
    if card["difference"] is None:
        verdict = f"This is the **baseline** that the others were compared with; recommended is {card['recommended']}."
    else:
        verdict = (
            f"**{card['verdict']}**: {interval(card['difference'], signed=True)} {metric} against {card['baseline']}, "
            "an interval that holds for all strategies together."
        )
        if card["bet"]:
            verdict += f" The bet (chance of being better, gain to expect): {bet(card['bet'])}."
        verdict += "" if card["strategy"] == card["recommended"] else f" Recommended is {card['recommended']}."
    overall = [
        [_words(name), interval(one)]
        for name, one in metrics.items()
        if "." not in name and not (name.startswith("judged_") and one == metrics.get(name.removeprefix("judged_")))
    ]
    per_class = [
        [plain(name), *(interval(metrics.get(f"{kind}.{name}")) for kind in PER_CLASS)] for name in card["classes"]
    ]
    held_out = card["held_out"]
    test = [
        [_words(name) if name != "reached" else metric, interval(one)]
        for name, one in (held_out["metrics"] or {}).items()
        if name != "reached" or card["judging"]["metric"] not in MEANS
    ]
    return [
        verdict,
        "",
        f"The guarded class, {label}: recall {decimal(guard['model']['value'])}, that of {card['baseline']} "
        f"{decimal(guard['baseline']['value'])}.",
        "",
        "Calibration: " + _calibration(metrics),
        "",
        *table(["out of fold", ""], overall),
        "",
        *table(["class, out of fold", *PER_CLASS], per_class),
        "",
        *([f"Held out: {plain(held_out['sentence'])}", ""] if held_out["sentence"] else []),
        *(table(["held out", ""], test) if test else ["Its held-out images were not looked at."]),
        "",
        f"Audit: {plain(card['audit']['reason'])}.",
    ]


def _calibration(metrics: Mapping[str, Any]) -> str:
    error = metrics.get("expected_calibration_error")
    corrected = metrics.get("corrected_expected_calibration_error")
    if error is None:
        return "its scores are no probabilities, they only order images."
    told = f"an expected error of {interval(error)} of probabilities as the scores give them"
    return f"{told}, {interval(corrected)} of the corrected ones." if corrected else f"{told}."


def _caveats(card: Mapping[str, Any]) -> list[str]:
    said = [
        "The figures hold for images of the same kind: the same cameras, sizes, classes and shares of classes.",
        f"It sees {_sees(card['sees'])}; what that doesn't show is lost.",
        "The best of several looks better than it is: see the bet, and the held-out images, for what to expect.",
    ]
    few = card["judging"]["not_measurable"]
    if few:
        said.append(f"Nothing can be promised of {_list(few)}: collect more images that are no relatives.")
    if card["audit"]["outcome"] not in (CLEAN, NOTHING):
        said.append("The audit has not shown that traces of augmentation leave its predictions alone.")
    if card["strategy"] != card["recommended"]:
        said.append(f"It is not the recommended model; that is {card['recommended']}.")
    return [f"- {one}" for one in said]


def _made_of(params: Params, strategy: str) -> dict[str, Any]:
    """A strategy's recipe and components, or what an ensemble says of itself."""
    if strategy in params.ensembles:
        ensemble = params.ensembles[strategy]
        weights = ensemble.weights or ("fitted" if ensemble.fit_weights else "equal")
        return {"members": ", ".join(ensemble.members), "of": ensemble.of, "weights": weights}
    chosen = params.strategies[strategy]
    made = {key: one.model_dump(mode="json") for key, one in chosen.components.items()}
    votes = {"vote": chosen.vote.model_dump(mode="json")} if chosen.vote.seeds or chosen.vote.folds else {}
    return {"recipe": chosen.recipe} | made | votes


def _seen(folder: Path) -> dict[str, Any]:
    """How a model is shown images; of several together the first's way, and those of `others` that differ."""
    from tasks.train.loading import family_of_model

    saved = read_json(folder / "model.json")
    if "members" in saved:
        first, *more = [_seen(folder / member) for member in saved["members"]]
        others = [one for number, one in enumerate(more) if one not in [first, *more[:number]]]
        return first | ({"others": others} if others else {})
    seen = {"backbone": saved["backbone"], "depth": saved["depth"]}
    return seen | {"images": None if saved["backbone"] else family_of_model(folder).shown}


def _classes(findings: Findings, recipe: str | None) -> dict[str, dict[str, Any]]:
    """Images, groups and, of one recipe, rows of each class."""
    train, test = findings.part_counts("train"), findings.part_counts("test")
    groups, after = findings.group_counts("train"), findings.origin_counts(recipe) if recipe else {}
    return {
        label: {
            "train": number,
            "groups": groups.get(label, 0),
            "test": test.get(label, 0),
            "balanced": after.get(label, {}),
        }
        for label, number in train.items()
    }


def _versions(findings: Findings, strategy: str) -> dict[str, str]:
    from tasks.train.loading import packages_of_model

    found = {}
    for name in ("equipoise", *packages_of_model(findings.root / findings.output_of(strategy))):
        try:
            found[name] = version(name)
        except (PackageNotFoundError, FileNotFoundError):  # run from a folder, without an installation or half of one
            continue
    return found


def _sees(sees: Mapping[str, Any]) -> str:
    backbone = sees["backbone"]
    shown = backbone or sees.get("images") or {}
    depth = f"values of 16 bits on a scale of {sees['depth']} bits"
    size = f"{shown['image_size']} x {shown['image_size']} pixels" if shown.get("image_size") else "images"
    how = f" ({plain(str(shown['resize']))})" if shown.get("resize") else ""
    by = f"by the backbone {plain(str(backbone['name']))}" if backbone else "as its family takes them"
    return "; and ".join([f"{size}{how} {by}, {depth}", *map(_sees, sees.get("others", []))])


def _settings(value: Any) -> str:
    if not isinstance(value, Mapping):
        return plain(str(value))
    others = ", ".join(f"{key} {one}" for key, one in value.items() if key != "name")
    return plain(str(value.get("name", "")) + (f" ({others})" if others else ""))


def _list(labels: Any) -> str:
    return ", ".join(plain(str(label)) for label in labels)


def _words(name: str) -> str:
    kind, dot, label = name.removeprefix("judged_").partition(".")
    return plain(kind.replace("_", " ") + (f" of {label}" if dot else ""))
