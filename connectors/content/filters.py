"""Filters that templates use beside minijinja's own: money, dates, fallbacks, colours."""

from __future__ import annotations

import html
import zlib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from minijinja import pass_state, safe
from minijinja._lowlevel import State

from connectors.errors import Rejected

Length = Literal["full", "long", "medium", "short"]
DATE_LENGTH = len("2026-03-01")


def build_filters(brand: Mapping[str, Any]) -> dict[str, Callable[..., Any]]:
    """The filters of a brand: its currency, locale and colours are the fallbacks.

    In the recipient's locale: `12.9 | money("EUR")` → `€12.90`, `1234.5 | number` → `1,234.5`. In words of
    the template's language: `"2026-03-01" | date` → `1 March 2026`; a moment (UTC) is told as the day that it
    is where the recipient lives. `name | tint` is a quiet colour, always the same for the same
    name, `name | initial` its first letter; `name | default("there")` stands in for undefined, null, empty.
    """

    @pass_state
    def money(state: State, value: object, currency: str | None = None) -> str:
        return _shown(state, _money(value, currency or brand["currency"], state.lookup("locale")))

    @pass_state
    def day(state: State, value: object, length: Length = "long") -> str:
        return _shown(state, _day(value, length, state.lookup("date_locale"), state.lookup("time_zone")))

    @pass_state
    def number(state: State, value: object) -> str:
        return _shown(state, _decimal(value, state.lookup("locale")))

    def tint(value: object) -> str:
        tints: list[str] = brand["tints"]
        return tints[zlib.crc32(_text(value).encode()) % len(tints)]

    return {
        "money": money,
        "date": day,
        "number": number,
        "tint": tint,
        "initial": lambda value: _text(value).strip()[:1].upper(),
        "default": _fallback,
        "d": _fallback,
    }


def _fallback(value: object, otherwise: object = "") -> object:
    return otherwise if value is None or value == "" else value


def _number(value: object) -> Decimal:
    try:
        return Decimal(str(value))
    except InvalidOperation as error:
        raise Rejected(f"{value!r} is no number") from error


def _date(value: object, zone: str) -> date:
    """The local day of a moment; a date is the same day everywhere."""
    try:
        text = str(value)
        moment = date.fromisoformat(text) if len(text) == DATE_LENGTH else datetime.fromisoformat(text)
    except ValueError as error:
        raise Rejected(f"{value!r} is no date") from error
    if not isinstance(moment, datetime):
        return moment
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(_zone(zone)).date()


def _text(value: object) -> str:
    if value is None:
        raise Rejected("a text is undefined")
    return str(value)


@lru_cache(maxsize=1024)
def locale_or(wanted: str | None, otherwise: str) -> str:
    """A locale that Babel knows: `de-AT` → `de_AT`; the other one when there is none such."""
    try:
        return str(Locale.parse(wanted.replace("-", "_"))) if wanted else otherwise
    except (UnknownLocaleError, ValueError):
        return otherwise


@lru_cache(maxsize=1024)
def locale_in(language: str, wanted: str, otherwise: str) -> str:
    """The locale for words of a language: the first of two that speaks it, else the language's own.

    English for a reader with en-US has American dates, for one with de-DE those of an English brand.
    """
    return next((locale for locale in (wanted, otherwise) if locale.partition("_")[0] == language), language)


@lru_cache(maxsize=1024)
def zone_or_utc(wanted: str | None) -> str:
    """A time zone that exists; UTC when there is none such."""
    try:
        return ZoneInfo(wanted or "UTC").key
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"


@lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


@lru_cache(maxsize=1024)
def _parsed(locale: str) -> Locale:
    """Parsing a locale costs as much as formatting a sum in it."""
    return Locale.parse(locale)


def as_html(text: str) -> str:
    """Text as HTML that is all ASCII: such a mail is put together and sent at a fraction of the cost."""
    references: str = safe(html.escape(text).encode("ascii", "xmlcharrefreplace").decode())
    return references


_remembered = lru_cache(maxsize=8192)(as_html)


def _shown(state: State, text: str) -> str:
    """A formatted value as its template needs it."""
    return _remembered(text) if state.auto_escape == "html" else text


@lru_cache(maxsize=8192, typed=True)
def _money(value: object, currency: str, locale: str) -> str:
    return format_currency(_number(value), currency, locale=_parsed(locale))


@lru_cache(maxsize=8192, typed=True)
def _decimal(value: object, locale: str) -> str:
    return format_decimal(_number(value), locale=_parsed(locale))


@lru_cache(maxsize=8192, typed=True)
def _day(value: object, length: Length, locale: str, zone: str) -> str:
    return format_date(_date(value, zone), format=length, locale=_parsed(locale))
