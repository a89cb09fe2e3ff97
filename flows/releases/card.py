"""The card of a release: what the dataset is, in JSON for programs and in Markdown for people.

The same data and parameters give the same card: it holds no times but git's own, which stand in the tag.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flows.checking import read_issues
from flows.markdown import plain, table
from flows.releases.revisions import Revision
from tasks.tables import BALANCED, ORIGINS, SPLITS, first_repeat

HASHED = {"raw": "data/raw", "catalog": "data/catalog", "splits": "data/splits"}


def describe(present: Revision, name: str, recipe: str, commit: str, issues: dict[str, int] | None) -> dict[str, Any]:
    """What the card of a release says.

    Parameters
    ----------
    present
        The working tree, whose recipe is up to date.
    name, recipe
        What is released.
    commit
        The commit that the release was made on, which holds the code.
    issues
        Images a kind of fault; None where `explore` has not looked.
    """
    root = present.root
    splits = SPLITS.read(SPLITS.place(root))
    splits = first_repeat(splits[splits["label"].notna()])
    balanced = BALANCED.read(BALANCED.place(root, recipe))
    counts = balanced.groupby(["label", "origin"]).size()
    parts = splits.groupby(["label", "part"]).size()
    classes = sorted({*splits.loc[splits["part"] != "excluded", "label"], *balanced["label"]})
    origins = {origin: int(number) for origin in ORIGINS if (number := (balanced["origin"] == origin).sum())}
    told = present.params.get("release") or {}
    return {
        "name": name,
        "recipe": recipe,
        "commit": commit,
        "description": told.get("description", ""),
        "license": told.get("license", ""),
        "sources": told.get("sources", ""),
        "classes": {
            label: {
                "before": int(parts.get((label, "train"), 0)),
                "test": int(parts.get((label, "test"), 0)),
                "after": {origin: int(counts[label, origin]) for origin in ORIGINS if (label, origin) in counts.index},
            }
            for label in classes
        },
        "images": len(balanced),
        "origins": origins,
        "synthetic_share": round(origins.get("synthetic", 0) / len(balanced), 4) if len(balanced) else 0.0,
        "parameters": {
            "balance": present.params.get("balance"),
            f"recipes.{recipe}": present.params.get("recipes", {}).get(recipe),
        },
        "hashes": {
            key: present.output(path).md5 for key, path in (HASHED | {"balanced": f"data/balanced/{recipe}"}).items()
        },
        "issues": issues,
    }


def known_issues(root: Path) -> dict[str, int]:
    """Images a kind of fault, those kinds that have any, as `explore` found them."""
    return {issue.name: len(issue.paths) for issue in read_issues(root) if issue.paths}


def markdown(card: Mapping[str, Any]) -> str:
    """The card for people."""
    name = card["name"]
    origins = list(card["origins"])
    lines = [f"# {name}: a balanced dataset", ""]
    if card["description"]:
        lines += [card["description"], ""]
    lines += [
        *table(
            ["", ""], [["recipe", plain(card["recipe"])], ["training images", f"{card['images']:,}"], *_facts(card)]
        ),
        "",
        "## Images a class",
        "",
        "*Before* are the training images as they came, *after* the balanced training set, by where its rows come",
        "from. The test part is never balanced, and nothing in the training set descends from it.",
        "",
        *table(
            ["class", "before", "after", *origins, "test"],
            [
                [
                    plain(label),
                    f"{counts['before']:,}",
                    f"{sum(counts['after'].values()):,}",
                    *(f"{counts['after'].get(origin, 0):,}" for origin in origins),
                    f"{counts['test']:,}",
                ]
                for label, counts in card["classes"].items()
            ],
        ),
        "",
        f"Share of synthetic images in the training set: {card['synthetic_share']:.1%}.",
        "",
        "## How it was made",
        "",
        *table(["parameter", "value"], _parameters(card["parameters"])),
        "",
        f"Made on git commit `{card['commit']}`. DVC's hashes:",
        "",
        *table(["data", "hash"], [[key, f"`{value}`"] for key, value in card["hashes"].items()]),
        "",
        "## Known issues",
        "",
        *_issues(card["issues"]),
        "",
        "## Using it",
        "",
        f"    equipoise restore {name}                                    # back into the workspace",
        f"    equipoise export {name} --format imagefolder --to FOLDER    # or webdataset, parquet, csv",
        f"    equipoise diff {name}                                       # against the working tree",
        "",
        f"In another clone: `git fetch --tags` first; the data come from DVC's remote. Git's tag is `release/{name}`.",
        "",
    ]
    return "\n".join(lines)


def _facts(card: Mapping[str, Any]) -> list[list[str]]:
    unsaid = "not stated (`release` in params.yaml)"
    return [["licence", plain(card["license"]) or unsaid], ["sources", plain(card["sources"]) or unsaid]]


def _parameters(parameters: Mapping[str, Any], prefix: str = "") -> list[list[str]]:
    rows = []
    for key, value in parameters.items():
        if isinstance(value, dict) and value:
            rows += _parameters(value, f"{prefix}{key}.")
        else:
            rows.append([plain(f"{prefix}{key}"), plain(str(value))])
    return rows


def _issues(issues: Mapping[str, int] | None) -> list[str]:
    if issues is None:
        return ["Not known: `explore` had not looked at this version."]
    if not issues:
        return ["`explore` found none."]
    return table(
        ["issue, as `explore` found it in all images", "images"],
        [[plain(name), f"{number:,}"] for name, number in sorted(issues.items(), key=lambda item: (-item[1], item[0]))],
    )
