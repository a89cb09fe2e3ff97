"""Mistakes that make a text no YAML, as sentences."""

from __future__ import annotations

from ruamel.yaml.error import MarkedYAMLError


def syntax_mistake(error: MarkedYAMLError) -> tuple[int, str]:
    """The line, from 1, that makes a text no YAML, and the remedy as a sentence."""
    problem, context = error.problem or "", error.context or ""
    mark = error.problem_mark or error.context_mark
    seen = mark.line + 1 if mark else 1
    began = error.context_mark.line + 1 if error.context_mark else seen
    if "duplicate key" in problem:
        return seen, f"the key {problem.split(chr(34))[1]!r} stands in this section already; remove one of them"
    if "'\\t'" in problem:
        return seen, "a tab can't indent; use spaces"
    if "flow" in context:
        return began, "the bracket that opens here is not closed, or a comma is missing in it"
    if "quoted scalar" in context:
        return began, "the quote that opens here is not closed"
    if "simple key" in context:
        return began, "a key without a colon; write it as 'key: value'"
    if "mapping values are not allowed" in problem:
        return seen, "a colon where no key can stand; check the indentation, or put quotes around the value"
    if "block" in context:
        return seen, "the indentation does not fit the lines above; keys of one section start in the same column"
    if "single document" in context:
        return seen, "a second document starts here; remove the line '---'"
    return seen, f"not valid YAML: {problem.partition(chr(10))[0] or context}"
