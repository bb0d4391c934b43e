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


def normal_phone(phone: str) -> str:
    """The form in which the warehouse compares phone numbers (dbt macro `normal_phone`); `""` without digits.

    Written internationally (+49 …, 0049 …) it is E.164, otherwise its digits.
    """
    digits = re.sub(r"[^0-9]", "", phone)
    start = phone.strip(" ")
    if start.startswith("+"):
        return f"+{digits}"
    return f"+{digits[2:]}" if start.startswith("00") else digits
