"""What is wrong with a flow, said so that its author can repair it: file, line, step, field, allowed words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from dagster_project.flows.words import quoted

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One mistake in one file.

    Attributes:
        file: path below the dbt project.
        field: dotted path below `config.meta.flow`, such as `steps.reminder_2.branch.1.send`.
        message: what is wrong and what to write instead.
        step: the step's name, or its number when it has none.
        allowed: the words that may stand there, when they are few.
        suggestion: the allowed word that was probably meant.
        line: line in the file, from 1.
    """

    file: str
    field: str
    message: str
    step: str | None = None
    allowed: tuple[str, ...] = ()
    suggestion: str | None = None
    line: int | None = None

    def __str__(self) -> str:
        """One line for a terminal."""
        place = f"{self.file}:{self.line}" if self.line else self.file
        step = f", step {self.step}" if self.step else ""
        meant = f' Did you mean "{self.suggestion}"?' if self.suggestion else ""
        allowed = f" Allowed: {', '.join(self.allowed)}." if self.allowed else ""
        return f"{place}{step}, field {self.field}: {self.message}.{meant}{allowed}"


class FlowError(ValueError):
    """Flows that cannot be compiled; `problems` lists every mistake of every file."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, problems)))


def unknown_word(word: object, what: str, allowed: Iterable[str]) -> dict[str, Any]:
    """Message, allowed words and suggestion for a word that is not among the allowed ones."""
    words = tuple(sorted(allowed))
    close = difflib.get_close_matches(str(word), words, n=3, cutoff=0.6)
    swapped = [near for near in close if sorted(near) == sorted(str(word))]
    meant = next(iter(swapped + close), None)
    return {"message": f"unknown {what} {quoted(word)}", "allowed": words, "suggestion": meant}


@dataclass(frozen=True)
class Source:
    """A flow's definition as it stands in its file: it knows how to call a place in it.

    Attributes:
        file: path below the dbt project.
        definition: what stands under `config.meta.flow`, as YAML gave it.
        tree: the file's YAML nodes, which know their lines.
        root: path from the top of the file to the definition.
    """

    file: str
    definition: object
    tree: yaml.Node | None = None
    root: Path = ()

    def problem(self, path: Path, message: str, *, allowed: Sequence[str] = (),
                suggestion: str | None = None) -> Problem:
        """A mistake at a path below the definition."""
        step = self.step(path)
        named = ("steps", step, *path[2:]) if step else path
        field = ".".join(map(str, named)) or "flow"
        return Problem(self.file, field, message, step, tuple(allowed), suggestion, self._line((*self.root, *path)))

    def step(self, path: Path) -> str | None:
        """The name of the step that a path leads into; its number from 1 when it has no usable name."""
        if len(path) < 2 or path[0] != "steps" or not isinstance(path[1], int):  # noqa: PLR2004
            return None
        try:
            name = self.definition["steps"][path[1]]["step"]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            name = None
        return name if isinstance(name, str) else str(path[1] + 1)

    def duplicate_keys(self) -> Iterator[Problem]:
        """Keys written twice in one mapping: YAML would silently lose the first."""
        nodes: list[tuple[yaml.Node | None, Path]] = [(self.tree, ())]
        seen: set[int] = set()
        while nodes:
            node, path = nodes.pop()
            if node is None or id(node) in seen:
                continue
            seen.add(id(node))
            if isinstance(node, yaml.SequenceNode):
                nodes += [(item, (*path, position)) for position, item in enumerate(node.value)]
            elif isinstance(node, yaml.MappingNode):
                keys = [key.value for key, _ in node.value]
                for position, (key, value) in enumerate(node.value):
                    nodes.append((value, (*path, str(key.value))))
                    if keys.index(key.value) < position:
                        yield Problem(self.file, str(key.value), "is written twice: the first would be lost",
                                      line=key.start_mark.line + 1)

    def _line(self, path: Path) -> int | None:
        node, line = self.tree, None
        for part in path:
            if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                line = node.start_mark.line + 1
            elif isinstance(node, yaml.MappingNode):
                found = [(key, value) for key, value in node.value if str(key.value) == str(part)]
                if not found:
                    break
                key, node = found[-1]
                line = key.start_mark.line + 1
        return line
