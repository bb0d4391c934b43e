"""How many segments a text message takes, which is what networks charge for.

GSM 03.38 packs 160 septets into one message and 153 into each part of a longer one; a character outside its
alphabet turns the whole text into UCS-2: 70 code units, or 67 per part. A part never ends inside a character.
National shift tables are not used: handsets and Twilio do not rely on them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""GSM 03.38, the default alphabet: one septet each."""

EXTENSION = frozenset("\f^{}\\[~]|€")
"""GSM 03.38, the extension table: an escape and a character, two septets."""

LAST_OF_ONE_UNIT = "\uffff"
"""UTF-16 writes every later character as a pair of code units."""

ANY_COUNTRY = "*"


@dataclass(frozen=True, slots=True)
class Segments:
    """What a text becomes on its way.

    Attributes:
        encoding: the alphabet that holds every character of it.
        units: septets (GSM-7) or 16-bit code units (UCS-2).
        count: messages that a network charges for.
    """

    encoding: Literal["GSM-7", "UCS-2"]
    units: int
    count: int


@dataclass(frozen=True, slots=True)
class Estimate:
    """What one text is likely to cost, in the currency of the price list."""

    segments: Segments
    cost: Decimal


def measure(text: str) -> Segments:
    """The segments of a text; an empty one is still a message."""
    if all(character in BASIC or character in EXTENSION for character in text):
        widths = [1 if character in BASIC else 2 for character in text]
        return Segments("GSM-7", sum(widths), _count(widths, single=160, part=153))
    widths = [1 if character <= LAST_OF_ONE_UNIT else 2 for character in text]
    return Segments("UCS-2", sum(widths), _count(widths, single=70, part=67))


def estimate(text: str, country: str | None, price_per_segment: Mapping[str, Decimal]) -> Estimate:
    """What sending the text costs.

    Args:
        text: as it is sent, opt-out sentence and links included.
        country: of the recipient, ISO 3166 alpha-2; none when it is not known.
        price_per_segment: by country; `*` for all others.

    Raises:
        KeyError: when the list has neither the country nor `*`.
    """
    segments = measure(text)
    price = price_per_segment.get(country or ANY_COUNTRY)
    return Estimate(segments, segments.count * (price_per_segment[ANY_COUNTRY] if price is None else price))


def _count(widths: Iterable[int], *, single: int, part: int) -> int:
    """Parts that the characters fill in turn; one of two units moves on whole when only one is left."""
    total, parts, free = 0, 1, part
    for width in widths:
        total += width
        if width > free:
            parts, free = parts + 1, part
        free -= width
    return 1 if total <= single else parts
