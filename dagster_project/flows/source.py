"""A flow's definition as it stands in its file: it knows how to call each place in it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import yaml

from dagster_project.flows.problems import Path, Problem


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

    def problem(
        self, path: Path, message: str, *, allowed: Sequence[str] = (), suggestion: str | None = None
    ) -> Problem:
        """A mistake at a path below the definition."""
        step = self.step(path)
        named = ("steps", step, *path[2:]) if step else path
        field = ".".join(map(str, named)) or "flow"
        line = self._line((*self.root, *path))
        return Problem(self.file, field, message, step, tuple(allowed), suggestion, line)

    def step(self, path: Path) -> str | None:
        """The name of the step that a path leads into; its number from 1 when it has no usable name."""
        if len(path) < 2 or path[0] != "steps" or not isinstance(path[1], int):  # noqa: PLR2004
            return None
        try:
            name = self.definition["steps"][path[1]]["step"]  # type: ignore[index]
        except (KeyError, IndexError, TypeError):
            name = None
        return name if isinstance(name, str) else str(path[1] + 1)

    def slips(self) -> Iterator[Problem]:
        """What YAML takes in silence: a key written twice, and a key without a value."""
        nodes: list[tuple[yaml.Node | None, Path]] = [(self.tree, ())]
        seen: set[int] = set()
        while nodes:
            node, path = nodes.pop()
            if id(node) in seen:
                continue
            seen.add(id(node))
            is_inside = path[: len(self.root)] == self.root
            if isinstance(node, yaml.SequenceNode):
                nodes += [(item, (*path, position)) for position, item in enumerate(node.value)]
            elif isinstance(node, yaml.MappingNode):
                keys = [key.value for key, _ in node.value]
                nodes += [(value, (*path, str(key.value))) for key, value in node.value]
                if is_inside and len(set(map(str, keys))) < len(keys):
                    twice = next(key for position, key in enumerate(keys) if key in keys[:position])
                    said = "is written twice: the first would be lost"
                    yield self.problem((*path[len(self.root) :], str(twice)), said)
            elif is_inside and node is not None and node.tag == "tag:yaml.org,2002:null":
                yield self.problem(path[len(self.root) :], "has no value: write one, or take the word out")

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
