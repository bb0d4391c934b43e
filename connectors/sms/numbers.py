"""Phone numbers as vendors want them: E.164."""

from __future__ import annotations

import re

from connectors.errors import Rejected

E164 = re.compile(r"\+[1-9]\d{6,14}")


def e164(address: str) -> str:
    """The number as `+<country code><number>`.

    A number without its country code is not completed: with a guessed one, a stranger would get the message.

    Raises:
        Rejected: when it is not written internationally.
    """
    number = re.sub(r"[\s().-]", "", address)
    if not E164.fullmatch(number):
        raise Rejected("not_an_international_number")
    return number
