"""The flows of a project: every `flow_*.yml` beside its SQL in `marts/flows`, read and checked."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from pydantic import ValidationError

from dagster_project.flows.checks import Known, check
from dagster_project.flows.problems import FlowError, Problem
from dagster_project.flows.source import Source
from dagster_project.flows.spec import Definition
from dagster_project.flows.translate import problems_of
from dagster_project.pairs import pairs

if TYPE_CHECKING:
    from dagster_project.settings import Settings

PREFIX = "flow_"
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Ten times as fast where libyaml is there; every tick and every Dagster process reads all flows."""


@dataclass(frozen=True)
class Flow:
    """One flow as it stands in its file.

    Attributes:
        name: the model's name without `flow_`: `cart_recovery`.
        owner: who answers for it, as in `config.meta.owner`.
        description: the model's description: who enters.
        definition: what happens next.
        file: path below the dbt project.
    """

    name: str
    owner: str
    description: str
    definition: Definition
    file: str

    @property
    def version(self) -> str:
        """Ten hex digits of the definition: the same words, the same version, wherever they are compiled.

        Owner and description are left out: they change nothing that is sent.
        """
        words = json.dumps([self.name, self.definition.words()], separators=(",", ":"))
        return hashlib.sha256(words.encode()).hexdigest()[:10]


def load_flows(settings: Settings) -> list[Flow]:
    """All flows of the project by name.

    Raises:
        FlowError: when any file has a mistake; it lists all mistakes of all files.
    """
    flows, problems = read_project(settings)
    if problems:
        raise FlowError(problems)
    return flows


def check_flows(settings: Settings) -> list[Problem]:
    """Every mistake in every flow of the project, sorted by file and line; empty when all compile."""
    return read_project(settings)[1]


def read_project(settings: Settings) -> tuple[list[Flow], list[Problem]]:
    """The flows without mistakes, and the mistakes of the others."""
    known = Known.in_project(settings)
    files, problems = pairs(settings.dbt_project, "flow")
    flows: list[Flow] = []
    for path in files:
        try:
            flows.append(read_flow(path, path.relative_to(settings.dbt_project).as_posix(), known))
        except FlowError as error:
            problems.extend(error.problems)
    return flows, problems


def read_flow(path: Path, file: str, known: Known | None = None) -> Flow:
    """One flow from its YAML file.

    Args:
        path: the file.
        file: how errors call it.
        known: signals, segments, templates and traits that exist; without it names are not looked up.

    Raises:
        FlowError: with every mistake of the file.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FlowError([Problem(file, "file", f"cannot be read: {type(error).__name__}")]) from error
    return parse_flow(path.stem, text, file, known)


def parse_flow(model: str, text: str, file: str, known: Known | None = None) -> Flow:
    """One flow from the text of its YAML file; see `read_flow`."""
    try:
        tree, content = read_yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise FlowError([not_yaml(error, file)]) from error
    position, model_entry = model_in(content, model)
    meta = mapping(mapping(model_entry.get("config")).get("meta"))
    if "flow" not in meta:
        raise FlowError([Problem(file, "config.meta.flow", "is missing: say what happens after the entry")])
    source = Source(file, meta["flow"], tree, ("models", position, "config", "meta", "flow"))
    problems = list(source.slips())
    owner = meta.get("owner")
    if not isinstance(owner, str):
        said = 'is missing: say who answers for it, such as "team:lifecycle"'
        problems.append(Problem(file, "config.meta.owner", said))
    try:
        definition = Definition.model_validate(meta["flow"])
    except ValidationError as error:
        slipped = {problem.field for problem in problems}
        problems += [problem for problem in problems_of(error, source) if problem.field not in slipped]
    else:
        problems += check(definition, source, known)
    if problems:
        raise FlowError(sorted(problems, key=lambda problem: (problem.line or 0, problem.field)))
    description = str(model_entry.get("description") or "").strip()
    return Flow(model.removeprefix(PREFIX), str(owner), description, definition, file)


def not_yaml(error: Exception, file: str) -> Problem:
    """What a parser has to say about a file."""
    mark = getattr(error, "problem_mark", None)
    said = getattr(error, "problem", None) or "a value cannot be read"
    return Problem(file, "file", f"is not YAML: {said}", line=mark.line + 1 if mark else None)


def read_yaml(text: str) -> tuple[yaml.Node | None, object]:
    """Nodes, which know their lines, and content; mistakes are told by the slow parser in better words."""
    try:
        return yaml.compose(text, Loader=LOADER), yaml.load(text, Loader=LOADER)  # noqa: S506  (a safe loader)
    except yaml.YAMLError:
        return yaml.compose(text, Loader=yaml.SafeLoader), yaml.safe_load(text)


def model_in(content: object, model: str) -> tuple[int, dict[str, Any]]:
    """Position and content of the model in its YAML; an empty one when it is not described."""
    models = mapping(content).get("models")
    for position, entry in enumerate(models if isinstance(models, list) else []):
        if isinstance(entry, dict) and entry.get("name") == model:
            return position, entry
    return 0, {}


def mapping(value: object) -> dict[str, Any]:
    """The value when it has keys, else nothing."""
    return value if isinstance(value, dict) else {}
