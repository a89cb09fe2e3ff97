"""The door to DVC's repository: everything that asks DVC of the project opens it here, but for the process
of a stage (`flows.reproduce`)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flows.errors import error_chain
from tasks.errors import InputError


@contextmanager
def open_repo(
    root: Path,
    *,
    wait: bool = True,
    failure: str = "DVC can't read the project",
    settings: dict[str, Any] | None = None,
) -> Iterator[Any]:
    """DVC's repository at `root`.

    Parameters
    ----------
    root
        The project's folder.
    wait
        Wait for DVC's lock instead of failing.
    failure
        How the message about what DVC refuses begins.
    settings
        What goes before the project's own settings of DVC, by section.

    Raises
    ------
    InputError
        There is no DVC repository, its files are wrong, or DVC refuses what is asked; the message is DVC's.
    """
    from dvc.exceptions import DvcException, NotDvcRepoError
    from dvc.lock import LockError
    from dvc.repo import Repo

    try:
        with Repo(str(root), config=settings, _wait_for_lock=wait) as repo:
            if Path(repo.root_dir).resolve() != root.resolve():
                raise InputError(
                    f"DVC's repository is {repo.root_dir}, above the project: `dvc init --subdir` in {root}"
                )
            yield repo
    except LockError:
        raise InputError(f"a run, or DVC, is at work on {root}: ask again when it has ended") from None
    except NotDvcRepoError:
        raise InputError(
            f"{root} is no DVC repository; run this in a clone of the project, or `git init && dvc init` first"
        ) from None
    except DvcException as error:
        raise InputError(f"{failure}: {error_chain(error)}") from error
