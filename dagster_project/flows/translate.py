"""Errors of pydantic in the words of the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from dagster_project.flows.problems import Path, Problem, unknown_word
from dagster_project.flows.source import Source
from dagster_project.flows.spec import Definition
from dagster_project.flows.words import quoted

PLAIN = {
    "dict_type": "is not a list of words with values, such as {word: value}",
    "tuple_type": "is not a list, such as [one, two]",
    "string_type": "is not a text",
    "int_type": "is not a whole number",
    "bool_type": "is neither true nor false",
    "greater_than_equal": "is out of range: write 0 to 100",
    "less_than_equal": "is out of range: write 0 to 100",
    "too_short": "is empty: write at least one",
    "string_too_long": "is too long a name",
    "invalid_key": "is not a name: write small letters, digits and _, starting with a letter",
}
"""Errors of pydantic that need no more than other words."""


def problems_of(error: ValidationError, source: Source) -> list[Problem]:
    """Each error as a `Problem` that names its place and the allowed words."""
    return [_problem(dict(item), source) for item in error.errors(include_url=False)]


def _problem(item: Mapping[str, Any], source: Source) -> Problem:
    path: Path = tuple(part for part in item["loc"] if part != "[key]")
    if item["type"] == "missing":
        return source.problem(path, "is missing")
    if item["type"] == "misuse":
        return source.problem((*path, item["ctx"]["at"]), item["ctx"]["message"])
    return source.problem(path, **_said(item, path))


def _said(item: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """Message, allowed words and suggestion."""
    kind, value = item["type"], item["input"]
    if kind == "extra_forbidden":
        return unknown_word(path[-1], "word", _words(path[:-1]))
    if kind == "literal_error":
        return unknown_word(value, "word", _choices(path))
    if kind == "model_type":
        return {"message": f"{quoted(value)} {PLAIN['dict_type']}", "allowed": _words(path)}
    if kind == "string_pattern_mismatch":
        return {"message": _pattern_words(value, item["ctx"]["pattern"])}
    if kind in PLAIN:
        return {"message": f"{quoted(value)} {PLAIN[kind]}"}
    return {"message": item["msg"].removeprefix("Value error, ")}


def _pattern_words(value: object, pattern: str) -> str:
    if "email" in pattern:
        return f'{quoted(value)} is not a template: write its channel and name, such as "email/welcome"'
    if "traits" in pattern:
        return (
            f"{quoted(value)} is not a trait: write a column of profiles, "
            'or "traits.loyalty_level" for one of your own'
        )
    return f"{quoted(value)} is not a name: write small letters, digits and _, starting with a letter"


def _choices(path: Path) -> tuple[str, ...]:
    """The words of a Literal, read from the model so that they need not be parsed out of a message."""
    choices = _unwrapped(_inside(_model_at(path[:-1]), path[-1]))
    return tuple(str(word).lower() for word in get_args(choices))


def _words(path: Path) -> tuple[str, ...]:
    """The words that may stand in the list of words at a path."""
    model = _model_at(path)
    return tuple(field.alias or name for name, field in model.model_fields.items()) if model else ()


def _model_at(path: Path) -> type[BaseModel] | None:
    """The list of words that holds at a path, found by walking the annotations."""
    annotation: Any = Definition
    for part in path:
        annotation = _inside(_unwrapped(annotation), part)
    found = _unwrapped(annotation)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _inside(annotation: Any, part: str | int) -> Any:  # noqa: ANN401  (an annotation may be anything)
    """What a field, a key or a position holds."""
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    if get_origin(annotation) is tuple:
        return get_args(annotation)[0]
    is_model = isinstance(annotation, type) and issubclass(annotation, BaseModel)
    fields = annotation.model_fields if is_model else {}
    return next((field.annotation for name, field in fields.items() if part in {name, field.alias}), None)


def _unwrapped(annotation: Any) -> Any:  # noqa: ANN401
    """The type inside Annotated and Optional."""
    while get_origin(annotation) in {Annotated, Union, UnionType}:
        annotation = next(part for part in get_args(annotation) if part is not NoneType)
    return annotation
