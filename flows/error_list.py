"""The page of all errors, ``docs/errors.md``, from the code: ``python -m flows.error_list [--check]``.

Reads the sources, without running them, for what is told to people who got something wrong: the messages of the
errors in `TELLING`, and what rules of pydantic say. ``…`` stands for what is filled in. With ``--check`` it only says
whether the page is right.
"""

from __future__ import annotations

import ast
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from itertools import product
from pathlib import Path

from tasks.closure import ROOT, file_of
from tasks.errors import did_you_mean
from tasks.params import STAGES

PAGE = Path("docs/errors.md")
FILLED = "…"
TELLING = {"InputError": 0, "ServerError": 0, "TrackingAway": 0, "combination": 0, "PydanticCustomError": 1}
DEEPEST, MOST = 6, 24  # how far names are followed, and how many forms of one message are told
COMMANDS = {  # who reads the messages of a module of `flows`; those of all others any command may say
    "flows.checking": "`equipoise check`",
    "flows.dataset": "`equipoise add`, `sample`, `freeze`",
    "flows.chosen_model": "`equipoise predict`",
    "flows.explaining": "`equipoise explain`",
    "flows.comparing": "`equipoise similar` and `equipoise enroll`",
    "flows.exporting": "`equipoise export-model`",
    "flows.predicting": "`equipoise predict`",
    "flows.releases": "`equipoise release`, `releases`, `diff`, `export`, `restore`, `gc`",
    "flows.servers": "`equipoise ui`, `serve`",
    "flows.serving": "`equipoise ui`, `serve`",
    "flows.tracking": "`equipoise track`, `promote`, `model-card`",
    "flows.tracking.pyfunc": "A model in MLflow",
    "flows.workspaces": "`equipoise new`",
}
PARAMS, EVERY_COMMAND, SEVERAL_STAGES = "`params.yaml` and `--set`", "Every command", "Several stages"
HEADINGS = [PARAMS, EVERY_COMMAND, *dict.fromkeys(COMMANDS.values()), *(f"Stage `{one}`" for one in STAGES)]
INTRODUCTION = """# What can go wrong, and what to do

Written by `python -m flows.error_list`. Every message that Equipoise has for you, by who says it; … stands for what is
filled in. A command that ends so has exit code 2 and has lost nothing; a stage that fails otherwise ends with 1, and
its log is named below it. What libraries say while a stage runs stands in that log too.

Mistakes of single values in `params.yaml` are told with line, value and what would be right
([parameters](params.md)); files that are no images are set aside with the reason ([ingest](ingest.md)).
"""


@dataclass
class Source:
    """A module's source: its constants, functions, imports, and what each node stands in."""

    tree: ast.Module
    constants: dict[str, ast.expr] = field(default_factory=dict)
    functions: dict[str, ast.FunctionDef] = field(default_factory=dict)
    imported: dict[str, str] = field(default_factory=dict)
    parents: dict[ast.AST, ast.AST] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for top in self.tree.body:
            if isinstance(top, ast.Assign) and len(top.targets) == 1 and isinstance(top.targets[0], ast.Name):
                self.constants[top.targets[0].id] = top.value
        for node in ast.walk(self.tree):
            self.parents |= dict.fromkeys(ast.iter_child_nodes(node), node)
            if isinstance(node, ast.FunctionDef):
                self.functions[node.name] = node
            elif isinstance(node, ast.ImportFrom):
                self.imported |= {one.asname or one.name: node.module or "" for one in node.names}

    def around(self, node: ast.AST) -> list[ast.AST]:
        """What a node stands in, from within."""
        found = [node]
        while found[-1] in self.parents:
            found.append(self.parents[found[-1]])
        return found[1:]

    def messages(self) -> Iterator[str]:
        """Every message in the module, in each of its forms."""
        for node, name in self._calls():
            place = 0 if name == "ValueError" and self._is_rule(node) else TELLING.get(name)
            if place is not None and len(node.args) > place:
                yield from map(_tidy, self.forms(node.args[place]))

    def _calls(self) -> Iterator[tuple[ast.Call, str]]:
        for node in self.parents:
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                yield node, node.func.id

    def forms(self, node: ast.expr, depth: int = 0) -> list[str]:
        """The texts that an expression may give, as far as the module itself says."""
        found = self._forms(node, depth + 1) if depth < DEEPEST else []
        return found if 0 < len(found) <= MOST else [FILLED]

    def _forms(self, node: ast.expr, depth: int) -> list[str]:
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.JoinedStr(values=parts):
                return ["".join(each) for each in product(*(self.forms(part, depth) for part in parts))]
            case ast.FormattedValue(value=value, conversion=conversion):
                return [f"'{text}'" if conversion == ord("r") else text for text in self.forms(value, depth)]
            case ast.BinOp(left=left, op=ast.Add(), right=right):
                return [a + b for a, b in product(self.forms(left, depth), self.forms(right, depth))]
            case ast.IfExp(body=first, orelse=second) | ast.BoolOp(values=[first, second]):
                return [*self.forms(first, depth), *self.forms(second, depth)]
            case ast.Name(id=name):
                return self._named(name, self.around(node), depth)
            case ast.Call(func=ast.Attribute(attr="join"), args=[ast.GeneratorExp(elt=element)]):
                return self.forms(element, depth)
            case ast.Call(func=ast.Name(id=did_you_mean.__name__)):
                return [""]
            case ast.Call(func=ast.Name(id=name)) if name in self.functions:
                own = [one for one in ast.walk(self.functions[name]) if isinstance(one, ast.Return) and one.value]
                told = [text for one in own if one.value for text in self.forms(one.value, depth)]
                return told if all(map(_says_something, told)) else []
        return []

    def _named(self, name: str, around: list[ast.AST], depth: int) -> list[str]:
        """The texts of a name: what it was last set to in its function, what callers give for it, or a constant."""
        function = next((one for one in around if isinstance(one, ast.FunctionDef)), None)
        given = self._set_before(name, function, around) if function else []
        names = [one.arg for one in function.args.args] if function else []
        if not given and function and name in names:
            for node, called in self._calls():
                if called == function.name:
                    given += [one for at, one in enumerate(node.args) if at == names.index(name)]
                    given += [one.value for one in node.keywords if one.arg == name]
        if given or name in names:
            return [text for one in given for text in self.forms(one, depth)]
        if name in self.constants:
            return self.forms(self.constants[name], depth)
        file = file_of(self.imported.get(name, ""))
        constants = source(file).constants if file else {}
        return source(file).forms(constants[name], depth) if file and name in constants else []

    def _set_before(self, name: str, function: ast.FunctionDef, around: list[ast.AST]) -> list[ast.expr]:
        """What a name is set to above a place, in any branch since it was set for certain."""
        here = next(one.lineno for one in around if isinstance(one, ast.stmt))
        own = [one for one in ast.walk(function) if isinstance(one, ast.Assign) and one.lineno < here]
        given = []
        for one in sorted(own, key=lambda one: -one.lineno):
            if [target.id for target in one.targets if isinstance(target, ast.Name)] == [name]:
                given.append(one.value)
                if self.parents[one] in around:
                    break
        return given

    def _is_rule(self, node: ast.AST) -> bool:
        """Whether a node stands in a function by which pydantic checks what people wrote."""
        functions = [one for one in self.around(node) if isinstance(one, ast.FunctionDef)]
        return any("validator" in ast.unparse(one) for each in functions for one in each.decorator_list)


@cache
def source(file: Path) -> Source:
    """The source in a file."""
    return Source(ast.parse(file.read_text(encoding="utf-8")))


def heading_of(module: str) -> str:
    """Under which heading the messages of a module stand."""
    _, room, *_ = module.split(".")
    if module.startswith("flows."):
        return COMMANDS.get(module) or COMMANDS.get(f"flows.{room}", EVERY_COMMAND)
    return f"Stage `{room}`" if room in STAGES else PARAMS if room == "params" else SEVERAL_STAGES


def page() -> str:
    """The text of the page."""
    told: defaultdict[str, set[str]] = defaultdict(set)
    for file in [*(ROOT / "tasks").rglob("*.py"), *(ROOT / "flows").rglob("*.py")]:
        module = ".".join(file.relative_to(ROOT).with_suffix("").parts)
        if module.count("."):
            told[heading_of(module)].update(filter(_says_something, source(file).messages()))
    lines = [INTRODUCTION]
    for heading in [*HEADINGS, SEVERAL_STAGES]:
        if told[heading]:
            lines += [f"## {heading}\n", *(f"- `` {text} ``" for text in sorted(told[heading], key=_by_words)), ""]
    return "\n".join(lines)


def _tidy(text: str) -> str:
    """A message in one line, what is filled in once where several values follow each other."""
    filled = re.sub(r"\{[a-z]+\}|^(?=:)", FILLED, " ".join(text.split()))
    return re.sub(rf"{FILLED}([\s,;:]*{FILLED})+", FILLED, filled)


def _says_something(text: str) -> bool:
    return len(re.findall(r"[A-Za-z]{2,}", text)) > 2


def _by_words(text: str) -> tuple[str, str]:
    return re.sub(r"\W+", " ", text).strip().lower(), text


def main() -> int:
    """Write or check; returns 1 where the page is not as it should be."""
    file = ROOT / PAGE
    if "--check" in sys.argv[1:]:
        right = file.is_file() and file.read_text(encoding="utf-8") == page()
        sys.stdout.write("right\n" if right else f"{PAGE} differs: run python -m flows.error_list\n")
        return int(not right)
    file.write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
