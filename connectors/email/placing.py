"""Which answer of a batch belongs to which message, when the vendor does not repeat our ids."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

Item = Mapping[str, Any]


def place(recipients: Sequence[str], items: Sequence[Item]) -> list[Item | None]:
    """The item of each recipient; None where the answer does not say which it is.

    In order when every item that names a recipient (`To`) names the one in its place. Otherwise only
    acceptances (`ErrorCode` 0) that name an address which occurs once on both sides are believed.
    """
    wanted = [address.casefold() for address in recipients]
    named = [str(item.get("To") or "").casefold() for item in items]
    if len(items) == len(wanted) and all(
        name in ("", address) for name, address in zip(named, wanted, strict=True)
    ):
        return list(items)
    answers, messages = Counter(named), Counter(wanted)
    sure = {
        name: item
        for name, item in zip(named, items, strict=True)
        if item["ErrorCode"] == 0 and answers[name] == messages[name] == 1
    }
    return [sure.get(address) for address in wanted]
