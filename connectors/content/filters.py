"""Filters that templates use beside minijinja's own: money, dates, fallbacks, colours."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_currency, format_decimal
from minijinja import pass_state


def build_filters(brand: Mapping[str, Any]) -> dict[str, Callable[..., Any]]:
    """The filters of a brand: its currency, locale and colours are the fallbacks."""

    @pass_state
    def money(state: Any, value: Any, currency: str | None = None) -> str:
        """`12.9 | money("EUR")` → `€12.90`, in the recipient's locale."""
        return _money(Decimal(str(value)), currency or brand["currency"], state.lookup("locale"))

    @pass_state
    def day(state: Any, value: Any, length: str = "long") -> str:
        """`"2026-03-01T10:00:00" | date` → `1 March 2026`, in the recipient's locale."""
        when = value if isinstance(value, date) else datetime.fromisoformat(str(value).replace("Z", "+00:00"))
        return format_date(when, format=length, locale=state.lookup("locale"))

    @pass_state
    def number(state: Any, value: Any) -> str:
        """`1234.5 | number` → `1,234.5`, in the recipient's locale."""
        return format_decimal(Decimal(str(value)), locale=state.lookup("locale"))

    def tint(value: Any) -> str:
        """A quiet background colour that is always the same for the same name."""
        tints: list[str] = brand["tints"]
        return tints[zlib.crc32(str(value).encode()) % len(tints)]

    return {
        "money": money,
        "date": day,
        "number": number,
        "tint": tint,
        "initial": initial,
        "default": fallback,
        "d": fallback,
    }


def fallback(value: Any, otherwise: Any = "") -> Any:
    """`first_name | default("there")`: for what is undefined, null or empty."""
    return otherwise if value is None or value == "" else value


def initial(value: Any) -> str:
    """The first letter, for a picture that is not there."""
    return str(value).strip()[:1].upper()


@lru_cache(maxsize=1024)
def locale_or(wanted: str | None, otherwise: str) -> str:
    """A locale that Babel knows: `de-AT` → `de_AT`; the other one when there is none such."""
    try:
        return str(Locale.parse(wanted.replace("-", "_"))) if wanted else otherwise
    except (UnknownLocaleError, ValueError):
        return otherwise


@lru_cache(maxsize=8192)
def _money(value: Decimal, currency: str, locale: str) -> str:
    return format_currency(value, currency, locale=locale)
