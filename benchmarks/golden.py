"""Does the present code still give what it gave on the sample? ``python benchmarks/golden.py check [WORKSPACE]``.

Run the pipeline on the sample first (``make run``). ``write`` stores in `golden.json` what the workspace holds: of
every strategy a digest of its predictions and the mean score of each class, of every recipe a digest of its rows and of
the images it made, of every verdict its figures. ``check`` compares: digests tell whether a bit changed, figures (to
1e-6) whether that matters. Digests hold on one platform with one set of versions.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

GOLDEN = Path(__file__).with_name("golden.json")
TOLERANCE = 1e-6
ROWS = ["row_id", "label", "origin", "parents", "file", "fold", "fitted_on", "second_label", "second_share"]


def digest(value: bytes | str) -> str:
    """The first 16 hex digits of the sha256."""
    return hashlib.sha256(value if isinstance(value, bytes) else value.encode()).hexdigest()[:16]


def predictions(folder: Path) -> dict[str, Any]:
    """A strategy's predictions, in the order of image, repeat and seed."""
    table = pq.read_table(folder / "predictions.parquet").to_pandas()
    table = table.sort_values(["image_id", "repeat", "seed"], ignore_index=True)
    scores = sorted(name for name in table.columns if name.startswith("score."))
    return {
        "rows": len(table),
        "digest": digest(table[sorted(table.columns)].to_json(orient="values", double_precision=15)),
        "mean": {name: float(table[name].mean()) for name in scores},
    }


def balanced(folder: Path) -> dict[str, Any]:
    """A recipe's rows, and the bytes of the images that it made."""
    table = pq.read_table(folder / "balanced.parquet").to_pandas().sort_values("row_id", ignore_index=True)
    files = [digest((folder / file).read_bytes()) for file in table["file"].dropna()]
    return {
        "rows": len(table),
        "images": len(files),
        "digest": digest(table[ROWS].to_json(orient="values", double_precision=15)),
        "digest_of_images": digest("".join(files)),
    }


def found(workspace: Path) -> dict[str, Any]:
    """Everything that is compared, read from a workspace whose run is complete."""
    board = json.loads((workspace / "reports" / "compare" / "leaderboard.json").read_text(encoding="utf-8"))
    rows = {
        row["strategy"]: {
            "verdict": row["verdict"],
            "audit": row["audit"]["outcome"],
            **{name: row[name] for name in ("balanced_accuracy", "macro_f1", "recall_rarest", "difference")},
        }
        for row in board["rows"]
    }
    return {
        "predictions": {name: predictions(workspace / "predictions" / name) for name in sorted(rows)},
        "balanced": {path.name: balanced(path) for path in sorted((workspace / "data" / "balanced").iterdir())},
        "verdicts": rows,
        "recommended": board["recommended"],
        "test": board["test"],
    }


def differences(old: Any, new: Any, where: str = "") -> list[str]:
    """Every place at which two records differ, numbers by more than `TOLERANCE`."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = sorted(old.keys() | new.keys())
        return [line for key in keys for line in differences(old.get(key), new.get(key), f"{where}.{key}".lstrip("."))]
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        pairs = enumerate(zip(old, new, strict=True))
        return [line for at, (one, other) in pairs for line in differences(one, other, f"{where}[{at}]")]
    if isinstance(old, float) and isinstance(new, float) and abs(old - new) <= TOLERANCE:
        return []
    return [] if old == new else [f"{where}: {old!r} was, {new!r} is"]


def main() -> int:
    """Write or check; returns 1 where something differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=["write", "check"])
    parser.add_argument("workspace", nargs="?", type=Path, default=Path())
    arguments = parser.parse_args()
    now = found(arguments.workspace)
    if arguments.action == "write":
        GOLDEN.write_text(json.dumps(now, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
        sys.stdout.write(f"wrote {GOLDEN}\n")
        return 0
    lines = differences(json.loads(GOLDEN.read_text(encoding="utf-8")), now)
    sys.stdout.write("\n".join(lines) + "\n" if lines else f"{len(now['predictions'])} strategies: nothing changed\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
