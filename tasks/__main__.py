"""Run one stage in the current folder: ``python3 -m tasks STAGE [NAME]``, as `dvc.yaml` does.

Works without an activated environment: an interpreter without the dependencies hands over to the workspace's `.venv`.
Exit codes: 0 done, 1 the stage failed, 2 its input or the parameters are wrong.
"""

import errno
import importlib.util
import os
import sys
from pathlib import Path

NEEDED = ("pandas", "pyarrow", "pydantic", "ruamel", "safetensors", "torch")  # of which any Python may have some


def hand_over() -> None:
    """Replace this process by the workspace's own interpreter if the present one lacks what Equipoise needs."""
    if any(importlib.util.find_spec(name) is None for name in NEEDED):
        own = Path(".venv/bin/python").absolute()
        if not own.exists() or Path(sys.executable) == own:
            sys.exit("Equipoise is not installed for this Python, and there is no .venv here: run `make install`")
        os.execv(own, [str(own), "-m", "tasks", *sys.argv[1:]])  # noqa: S606 (the workspace's own interpreter)


def settle_environment() -> None:
    """One thread a process, so that sums come out the same for any number of jobs; no telemetry, nothing downloaded.

    But for a model of the hub that the parameters name, unless the user's own HF_HUB_OFFLINE forbids that, too.
    """
    os.environ.setdefault("EQUIPOISE_HUB_OFFLINE", os.environ.get("HF_HUB_OFFLINE", ""))
    os.environ.update(
        {
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "MKL_NUM_THREADS": "1",
            "NO_ALBUMENTATIONS_UPDATE": "1",
            "HF_HUB_OFFLINE": "1",
            "DO_NOT_TRACK": "true",
        }
    )


def main(arguments: list[str]) -> int:
    """Run the stage that `arguments` name and return the exit code."""
    from tasks.errors import InputError
    from tasks.params import STAGES
    from tasks.progress import speak_anywhere
    from tasks.workspace import Workspace

    speak_anywhere()
    if not 1 <= len(arguments) <= 2 or arguments[0] not in STAGES:
        sys.stderr.write(f"usage: python3 -m tasks STAGE [NAME], where STAGE is one of {', '.join(STAGES)}\n")
        return 2
    stage, name = arguments[0], arguments[1] if len(arguments) == 2 else ""
    workspace = Workspace(Path.cwd(), f"{stage}@{name}" if name else stage)
    try:
        importlib.import_module(f"tasks.{stage}.stage").run(workspace, name)
    except InputError as error:
        sys.stderr.write(f"error: {error}\n")
        return 2
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        sys.stderr.write(
            f"error: {workspace.stage}: the disk is full ({error.filename or workspace.root}); nothing is lost: "
            "free some space and run again\n"
        )
        return 1
    return 0


if __name__ == "__main__":
    hand_over()
    settle_environment()
    sys.exit(main(sys.argv[1:]))
