"""Types of values in the event contract: what is coerced, what is refused, and how the schema says it."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, TypeVar

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BeforeValidator,
    Field,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import from_json

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
EARLIEST_CREATION = datetime(1900, 1, 1, tzinfo=UTC)
MOST_MONEY = 9_999_999_999
MOST_PIECES = 999_999
"""A line of the most pieces at the highest price still fits into decimal(18, 2)."""
MOST_STOCK = 10**12
"""Some shops write billions for "never out of stock"."""
MILLISECONDS_FROM = 10**11
"""A number of seconds as high as this would be after the year 5000: it counts milliseconds."""

DAY = r"\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])"
CLOCK = r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d([.,]\d+)?)?"
ISO_WITH_ZONE = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d([.,]\d+)?)?\s?(Z|z|[+-]\d\d:?\d\d)", re.ASCII)
CLEAR_UTC = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,6})?Z", re.ASCII)
MOMENT_PATTERN = rf"^(199\d|20\d\d){DAY[5:]}[T ]{CLOCK}(Z|[+-]([01]\d|2[0-3]):?[0-5]\d)$"
CREATION_PATTERN = rf"^((19|20)\d\d{DAY[5:]}([T ]{CLOCK}(Z|[+-]([01]\d|2[0-3]):?[0-5]\d)?)?)?$"
BIRTHDAY_PATTERN = rf"^({DAY}([T ].*)?)?$"
EMAIL_PATTERN = r"^(\s*\S+@\S+\s*)?$"


def empty_to_none(value: object) -> object:
    """An empty text says nothing."""
    return None if value == "" else value


def json_text_to_value(value: object) -> object:
    """In CSV and Parquet a list or an object is JSON text."""
    return from_json(value, allow_inf_nan=False) if isinstance(value, str) else value


def _only_iso(value: object) -> object:
    """Refuse what pydantic would guess at: numbers and dates without a time."""
    if isinstance(value, str) and not ISO_WITH_ZONE.fullmatch(value):
        raise ValueError("a time must be ISO-8601 with a zone, like 2026-03-01T12:00:00Z")
    if isinstance(value, int | float):
        raise ValueError("a time must be ISO-8601 text with a zone, not a number")  # noqa: TRY004  (pydantic's)
    return value


def _plausible(moment: datetime) -> datetime:
    if not EARLIEST <= moment < LATEST:
        raise ValueError(f"a time must lie between {EARLIEST.year} and {LATEST.year}")
    return moment


def _address_has_an_at(value: object) -> object:
    if value is not None and not (isinstance(value, str) and re.fullmatch(EMAIL_PATTERN, value)):
        raise ValueError("an e-mail address must look like name@host")
    return value


def _day(value: object) -> object:
    """A date, or the day of a time; pydantic would also take seconds since 1970."""
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d([T ].*)?", value):
        return value[:10]
    if value is None or value == "" or isinstance(value, date):
        return value or None
    raise ValueError("a date must be YYYY-MM-DD")


def _creation_time(value: object) -> str | None:
    """UTC as ISO-8601 text. What says it clearly is kept as it is: so the fast lane gives the same row."""
    if value is None or value == "":
        return None
    try:
        moment = _moment(value)
    except (ValueError, OverflowError, OSError):
        moment = None
    if moment is None:
        raise ValueError("a creation time must be ISO-8601, like 2026-03-01T12:00:00Z, or seconds since 1970")
    if not EARLIEST_CREATION <= moment < LATEST:
        raise ValueError(f"a creation time must lie between {EARLIEST_CREATION.year} and {LATEST.year}")
    if isinstance(value, str) and CLEAR_UTC.fullmatch(value):
        return value
    return moment.isoformat().replace("+00:00", "Z")


def _moment(value: object) -> datetime | None:
    """A moment in ISO-8601 (a day is its midnight, no zone means UTC), or a number of (milli)seconds."""
    if isinstance(value, str) and re.fullmatch(r"\d{1,13}(\.\d+)?", value, re.ASCII):
        value = float(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return datetime.fromtimestamp(value / 1000 if value >= MILLISECONDS_FROM else value, UTC)
    if isinstance(value, str) and re.fullmatch(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?", value, re.ASCII):
        value = datetime.fromisoformat(value.replace(" ", "T", 1).replace(" ", "").upper())
    if isinstance(value, datetime):
        return value.astimezone(UTC) if value.tzinfo else value.replace(tzinfo=UTC)
    return datetime(value.year, value.month, value.day, tzinfo=UTC) if isinstance(value, date) else None


Item = TypeVar("Item")

Text = Annotated[str | None, BeforeValidator(empty_to_none)]
Identifier = Text
Id = Annotated[str, Field(min_length=1)]
Word = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
Money = Annotated[float, Field(allow_inf_nan=False, ge=-MOST_MONEY, le=MOST_MONEY)]
OptionalMoney = Annotated[Money | None, BeforeValidator(empty_to_none)]
Quantity = Annotated[int, Field(ge=-MOST_PIECES, le=MOST_PIECES)]
OptionalQuantity = Annotated[Quantity | None, BeforeValidator(empty_to_none)]
Stock = Annotated[Annotated[int, Field(ge=-MOST_STOCK, le=MOST_STOCK)] | None, BeforeValidator(empty_to_none)]
Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_only_iso),
    AfterValidator(_plausible),
    WithJsonSchema({"type": "string", "format": "date-time", "pattern": MOMENT_PATTERN}),
]
CreationTime = Annotated[
    str | None,
    PlainValidator(_creation_time),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": ["string", "null"], "pattern": CREATION_PATTERN},
                {"type": "number", "minimum": 0, "exclusiveMaximum": int(LATEST.timestamp())},
            ]
        }
    ),
]
Day = Annotated[
    date | None,
    BeforeValidator(_day),
    WithJsonSchema({"type": ["string", "null"], "format": "date", "pattern": BIRTHDAY_PATTERN}),
]
EmailAddress = Annotated[
    str | None,
    BeforeValidator(_address_has_an_at),
    BeforeValidator(empty_to_none),
    WithJsonSchema({"type": ["string", "null"], "pattern": EMAIL_PATTERN}),
]
Bag = Annotated[dict[str, Any], BeforeValidator(json_text_to_value)]
JsonList = Annotated[list[Item], BeforeValidator(json_text_to_value)]
