"""`equipoise release`: gives the present version of a balanced dataset a name.

First everything is checked, then the files that name the version are committed, with the card and nothing else, then
the commit is tagged, then what the release needs is pushed. A release that was interrupted has no tag yet; the same
command finishes it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from flows.dvc_locks import release_dead_locks, require_quiet
from flows.git import commit_only, find_commit, git, require_commits, uncommitted
from flows.history import NAMING
from flows.leaderboard import read_leaderboard
from flows.locks import workspace_lock
from flows.plan import Plan, make_plan
from flows.releases import pushing
from flows.releases.card import describe, known_issues, markdown
from flows.releases.naming import TAG, card_path, check_name, find_release, list_releases
from flows.releases.revisions import WORKING_TREE, Revision
from flows.releases.store import Store
from flows.repository import open_repo
from tasks.errors import InputError
from tasks.files import write_json, write_text
from tasks.progress import say


@dataclass(frozen=True)
class Made:
    """A release as it was made.

    Attributes
    ----------
    card
        What its card says.
    pushed
        Whether its data stand in the remote; None if they were not to, or there is no remote.
    """

    card: dict[str, Any]
    pushed: bool | None


def release(root: Path, name: str, recipe: str | None = None, message: str = "", *, push: bool = True) -> Made:
    """Name the present version of a balanced dataset.

    Parameters
    ----------
    root
        The project's folder.
    name
        The release's name; its tag is ``release/<name>``.
    recipe
        Whose balanced set it is; by default that of the recommended strategy.
    message
        What the tag says.
    push
        Push what the release needs to DVC's default remote, if there is one.

    Raises
    ------
    InputError
        The name is not legal, or taken by another version; the recipe is unknown or not up to date; its data are not in
        DVC's cache; git refuses. Nothing was tagged.
    """
    require_commits(root)
    check_name(name)
    with _writing(root), workspace_lock(root):
        release_dead_locks(root)
        require_quiet(root)
        plan = make_plan(root, tidy=False)
        recipe = _choose_recipe(root, plan, recipe)
        _require_up_to_date(plan, recipe)
        with open_repo(root) as repo:
            present = Revision(root, Store(repo), WORKING_TREE)
            needed = _require_cached(present, recipe)
            card = describe(present, name, recipe, _made_on(root, name), _issues(root, plan))
            _warn_of_changed_code(present, recipe)
            if _is_new(root, name, card):
                _commit_and_tag(root, card, message)
            else:
                say(f"release {name} is there already, and this is it")
            tagged = replace(present, name=name, commit=find_commit(root, f"{TAG}{name}") or "")
            pushed = pushing.push(tagged, needed) if push else None
    return Made(card, pushed)


@contextmanager
def _writing(root: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise InputError(
            f"could not write below {root}: {error}. Mend that (free some disk space, perhaps), and run the same "
            "command again, which finishes the release"
        ) from error


def _choose_recipe(root: Path, plan: Plan, recipe: str | None) -> str:
    recipes = ", ".join(plan.params.recipes)
    if recipe is None:
        board = read_leaderboard(root)
        strategy = board["recommended"] if board else None
        if strategy in plan.params.ensembles:
            raise InputError(
                f"recommended is {strategy}, an ensemble of several strategies: name one of their recipes with "
                f"--recipe; there are {recipes}"
            )
        if strategy not in plan.params.strategies:
            raise InputError(f"no strategy is recommended yet: name a recipe with --recipe; there are {recipes}")
        recipe = plan.params.strategies[strategy].recipe
        say(f"recipe {recipe}: that of the recommended strategy, {strategy}")
    if recipe not in plan.params.recipes:
        raise InputError(f"there is no recipe {recipe!r}; there are {recipes}")
    return recipe


def _require_up_to_date(plan: Plan, recipe: str) -> None:
    stage = f"balance@{recipe}"
    stale = {name: why for name, why in plan.stale.items() if name in plan.graph.restrict([stage]).upstream}
    if stale:
        reasons = "; ".join(f"{name}: {', '.join(why)}" for name, why in stale.items())
        raise InputError(f"the recipe {recipe} is not up to date ({reasons}): `equipoise run {stage}` first")


def _require_cached(present: Revision, recipe: str) -> list[str]:
    """Paths of the outputs that the release needs, all of which stand in DVC's cache."""
    needed = present.locked.needed_by(f"balance@{recipe}")
    for path in needed:
        md5 = present.output(path).md5
        if present.store.missing([md5]) or (missing := present.store.missing(present.contents(path))):
            number = "its list of files" if present.store.missing([md5]) else f"{len(missing):,} of its files"
            raise InputError(
                f"{path} is not whole in DVC's cache ({number}): a release of it could not be brought back. "
                f"`dvc fetch {path}` brings it from a remote, `dvc commit {path}` saves what stands in the workspace"
            )
    return needed


def _issues(root: Path, plan: Plan) -> dict[str, int] | None:
    if "explore" not in plan.graph.upstream or not (root / "reports/explore/explore.json").is_file():
        return None
    if plan.stale.keys() & plan.graph.restrict(["explore"]).upstream.keys():
        say("the report on the data is not up to date, so the card names no known issues: `equipoise run explore`")
        return None
    return known_issues(root)


def _warn_of_changed_code(present: Revision, recipe: str) -> None:
    stages = present.locked.needed_by(f"balance@{recipe}")
    makers = {present.output(path).stage for path in stages}
    code = {path for stage in makers for path in present.locked.reads.get(stage, ()) if path.startswith("tasks/")}
    changed = uncommitted(present.root, sorted(code))
    if changed:
        say(f"git has not committed the code that made this: {', '.join(changed)}; the release doesn't hold it")


def _made_on(root: Path, name: str) -> str:
    """The commit that the release is made on: HEAD, or its parent where an interrupted attempt has committed."""
    head = git(root, "rev-parse", "HEAD")
    parent = find_commit(root, "HEAD~1")
    attempted = git(root, "diff-tree", "--no-commit-id", "--name-only", "-r", "--relative", "HEAD").splitlines()
    return parent if parent and card_path(name, ".json") in attempted else head


def _is_new(root: Path, name: str, card: Mapping[str, Any]) -> bool:
    """Whether no release has the name; refuses one that another version has."""
    there = find_release(root, name)
    if there is None:
        alike = [other.name for other in list_releases(root) if other.name.casefold() == name.casefold()]
        if alike:
            raise InputError(f"there is a release {alike[0]!r}, whose name differs by case only; choose another name")
        return True
    if all(there.card.get(key) == card[key] for key in ("recipe", "parameters", "hashes")):
        return False
    raise InputError(
        f"the name {name!r} is taken: a release of {there.date}, recipe {there.card.get('recipe', 'unknown')}, that is "
        f"not the present version (`equipoise diff {name}` says how they differ). Choose another name; "
        f"`git tag -d {TAG}{name}` would give this one up"
    )


def _commit_and_tag(root: Path, card: Mapping[str, Any], message: str) -> None:
    name = card["name"]
    write_json(root / card_path(name, ".json"), card)
    write_text(root / card_path(name, ".md"), markdown(card))
    naming = [path for path in NAMING if (root / path).is_file()]
    commit_only(root, [*naming, card_path(name, ".json"), card_path(name, ".md")], f"Release {name}")
    said = message.strip() or f"Release {name}: recipe {card['recipe']}, {card['images']:,} training images"
    git(root, "tag", "--annotate", "--cleanup=verbatim", "--message", said, f"{TAG}{name}")
    head = git(root, "rev-parse", "--short", "HEAD")
    say(f"git: commit {head}, tag {TAG}{name} (share it: git push origin {TAG}{name})")
