"""The entries of a YAML mapping as the texts that they are, comments and spaces included."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from typing import Any, Self

from ruamel.yaml import YAML
from ruamel.yaml.nodes import MappingNode

from tasks.errors import InputError
from tasks.params.editing import end_of
from tasks.params.reading import plain


@dataclass(frozen=True)
class Pieces:
    """A mapping of a text, cut at its entries.

    Attributes
    ----------
    before, behind
        What stands before the first entry and behind the last.
    texts
        Of each entry by its key: whole lines, those of comments above it included.
    values
        Their values.
    """

    before: str
    texts: dict[str, str]
    behind: str
    values: dict[str, Any]

    @classmethod
    def of_file(cls, text: str) -> Self:
        """The entries of a whole file."""
        return cls._of(text, 0, YAML().compose(text), YAML(typ="safe", pure=True).load(text))

    @classmethod
    def of_section(cls, text: str, name: str) -> Self:
        """The entries of a section at the top of a file.

        Raises
        ------
        InputError
            The section stands on one line, so no line is an entry's.
        """
        entries = {key.value: (key, value) for key, value in YAML().compose(text).value}
        key, node = entries[name]
        first = text.index("\n", key.end_mark.index) + 1
        if isinstance(node, MappingNode) and not node.value:
            return cls(text[:first], {}, text[first:], {})
        if not isinstance(node, MappingNode) or node.flow_style:
            raise InputError(
                f"params.yaml:{key.start_mark.line + 1}: {name} stands on one line, where nothing can be written "
                "between its entries; write each on lines of its own, indented, without braces"
            )
        return cls._of(text, first, node, plain(YAML(typ="safe", pure=True).load(text))[name])

    def with_entries(self, name: str, entries: list[str]) -> str:
        """The text of the file with other entries, whole lines each, in the section `name`."""
        start = f"\n{self.before}".rindex(f"\n{name}:")
        above, head, rest = self.before[:start], f"{name}:", self.before[start:].removeprefix(f"{name}:")
        if entries and rest.startswith(" {}"):
            rest = f"   {rest[3:]}" if rest[3:].strip() else "\n"
        elif not entries and not rest.startswith(" {}"):
            rest = f" {{}}{rest[3:]}" if rest.startswith("   ") else f" {{}}{rest}"
        return above + head + rest + "".join(entries) + self.behind

    @classmethod
    def _of(cls, text: str, first: int, node: MappingNode, values: dict[str, Any]) -> Self:
        at, texts = first, {}
        for key, value in node.value:
            end = text.find("\n", max(end_of(text, value), key.end_mark.index)) + 1 or len(text)
            texts[key.value] = text[at:end] if text[at:end].endswith("\n") else text[at:end] + "\n"
            at = end
        return cls(text[:first], texts, text[at:], values)

    def indented(self, name: str) -> str:
        """An entry as it stands in a section, without what stands above it."""
        lines = self.texts[name].splitlines(keepends=True)
        start = next(number for number, line in enumerate(lines) if line.startswith(f"{name}:"))
        return textwrap.indent("".join(lines[start:]), "  ")
