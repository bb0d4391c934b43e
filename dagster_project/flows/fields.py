"""Single values in a flow's YAML as pydantic fields: each reads what people write and writes it back."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    PlainSerializer,
    PlainValidator,
    StringConstraints,
)

from dagster_project.flows.words import (
    ConditionWord,
    Reenter,
    WaitUntil,
    duration_words,
    parse_duration,
    parse_share,
    parse_time,
    quoted,
    share_words,
)

T = TypeVar("T")


def _scalar(value: object) -> bool | int | float | str:
    if isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise ValueError(f"{quoted(value)} is not a text, a number, true or false: put a date in quotes")


def _number(value: object) -> int | float:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        return value
    raise ValueError(f"{quoted(value)} is not a number: texts are compared with is and is_not")


def by_name(named: dict[str, T]) -> dict[str, T]:
    """By name: the order of names means nothing, so it must not change the version."""
    return dict(sorted(named.items()))


MessageClass = Literal["transactional", "operational", "marketing"]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=60)]
TraitName = Annotated[
    str, StringConstraints(pattern=r"^([a-z][a-z0-9_]*|traits\.[A-Za-z_][A-Za-z0-9_]*)$", max_length=80)
]
TemplateName = Annotated[
    str, StringConstraints(pattern=r"^(email|sms|whatsapp|push)/[a-z][a-z0-9_]*$", max_length=80)
]
Priority = Annotated[int, Field(ge=0, le=100, strict=True)]
Scalar = Annotated[bool | int | float | str, PlainValidator(_scalar)]
Number = Annotated[int | float, PlainValidator(_number)]
Payload = Annotated[dict[Name, Scalar], AfterValidator(by_name)]
Duration = Annotated[int, BeforeValidator(parse_duration), PlainSerializer(duration_words)]
Share = Annotated[Decimal, BeforeValidator(parse_share), PlainSerializer(share_words)]
LocalTime = Annotated[str, BeforeValidator(parse_time)]
ReenterWords = Annotated[Reenter, PlainValidator(Reenter.parse), PlainSerializer(str)]
WaitUntilWords = Annotated[WaitUntil, PlainValidator(WaitUntil.parse), PlainSerializer(str)]
ConditionWords = Annotated[ConditionWord, PlainValidator(ConditionWord.parse), PlainSerializer(str)]
