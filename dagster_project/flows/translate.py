"""Errors of pydantic in the words of the vocabulary."""

from __future__ import annotations

from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from dagster_project.flows.problems import Path, Problem, Source, unknown_word
from dagster_project.flows.spec import Definition
from dagster_project.flows.words import quoted


def problems_of(error: ValidationError, source: Source) -> list[Problem]:
    """Each error as a `Problem` that names its place and the allowed words."""
    return [_problem(dict(item), source) for item in error.errors(include_url=False)]


def _problem(item: Mapping[str, Any], source: Source) -> Problem:
    path: Path = tuple(part for part in item["loc"] if part != "[key]")
    context = item.get("ctx", {})
    model = _model_at(path[:-1])
    said: dict[str, Any]
    if item["type"] == "extra_forbidden" and model:
        said = unknown_word(path[-1], "word", _words(model))
    elif item["type"] == "literal_error":
        said = unknown_word(item["input"], "word", _choices(path, context))
    elif item["type"] == "missing":
        said = {"message": f'"{path[-1]}" is missing'}
    elif item["type"] == "misuse":
        path, said = (*path, context["at"]), {"message": context["message"]}
    elif item["type"] == "string_pattern_mismatch":
        said = {"message": _pattern_words(item["input"], context["pattern"])}
    elif item["type"] in {"model_type", "model_attributes_type"}:
        inside = _model_at(path)
        said = {"message": f"{quoted(item['input'])} is not a list of words with values",
                "allowed": _words(inside) if inside else ()}
    else:
        said = {"message": item["msg"].removeprefix("Value error, ")}
    return source.problem(path, **said)


def _pattern_words(value: object, pattern: str) -> str:
    if "email" in pattern:
        return f'{quoted(value)} is not a template: write its channel and name, such as "email/welcome"'
    return f"{quoted(value)} is not a name: write small letters, digits and _, starting with a letter"


def _choices(path: Path, context: Mapping[str, Any]) -> tuple[str, ...]:
    """The words of a Literal, read from the model so that they need not be parsed out of a message."""
    choices = _unwrapped(_inside(_model_at(path[:-1]), path[-1]))
    if get_origin(choices) is Literal:
        return tuple(str(word).lower() for word in get_args(choices))
    return (str(context.get("expected", "")),)


def _words(model: type[BaseModel]) -> tuple[str, ...]:
    return tuple(field.alias or name for name, field in model.model_fields.items())


def _model_at(path: Path) -> type[BaseModel] | None:
    """The list of words that holds at a path, found by walking the annotations."""
    annotation: Any = Definition
    for part in path:
        annotation = _inside(_unwrapped(annotation), part)
    found = _unwrapped(annotation)
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None


def _inside(annotation: Any, part: str | int) -> Any:
    """What a field, a key or a position holds."""
    if get_origin(annotation) is dict:
        return get_args(annotation)[1]
    if get_origin(annotation) is tuple:
        return get_args(annotation)[0]
    fields = annotation.model_fields if isinstance(annotation, type) and issubclass(annotation, BaseModel) else {}
    return next((field.annotation for name, field in fields.items() if part in {name, field.alias}), None)


def _unwrapped(annotation: Any) -> Any:
    """The type inside Annotated and Optional."""
    while get_origin(annotation) in {Annotated, Union, UnionType}:
        annotation = next(part for part in get_args(annotation) if part is not NoneType)
    return annotation
