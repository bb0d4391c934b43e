"""Postmark's answer to a batch: one item per message inside a 200.

An item's `ErrorCode` other than 0 means that Postmark did not take that message. Items come in the order of
the request and name the recipient only when they accepted; where the two do not fit, nothing is guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from connectors.errors import StopSync, TryAgain
from connectors.http import Reply, judge
from connectors.model import Outcome, Receipt, SuppressionReason

PROVIDER = "postmark"
WHOLE_CALL_REFUSED = 422

INACTIVE_RECIPIENT = 406
"""Bounced hard, complained or was deactivated before: Postmark takes nothing for this address any more."""

MESSAGE_AT_FAULT = frozenset({300, 402, 403, INACTIVE_RECIPIENT, 411})
"""Invalid message or address, inactive recipient, forbidden attachment: this message will never work."""

LATER = frozenset({100, 429})
"""Maintenance, rate limit. Any other code is about the account (sender not confirmed, no credit, no such
stream), and would be the same for every message."""

Item = Mapping[str, Any]


def read_answer(recipients: Mapping[str, str], reply: Reply) -> list[Receipt]:
    """One receipt for each message of the call.

    Args:
        recipients: message id → address, in the order of the call.
        reply: to the call.

    Raises:
        StopSync, TryAgain, Indivisible: for the whole call, of which then nothing was taken.
    """
    items = reply.json()
    if reply.status == WHOLE_CALL_REFUSED and isinstance(items, dict):
        _refuse_all(items.get("ErrorCode"))
    if verdict := judge(reply, PROVIDER, messages=len(recipients)):
        return [verdict.receipt(message_id, PROVIDER) for message_id in recipients]
    is_readable = isinstance(items, list) and all(_is_item(item) for item in items)
    placed = place(list(recipients.values()), items if is_readable else [])
    codes = [item["ErrorCode"] if item else 0 for item in placed]
    if not any(_is_about_message(code) for code in codes):
        _refuse_all(codes[0])
    return [_receipt(message_id, item) for message_id, item in zip(recipients, placed, strict=True)]


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


def _receipt(message_id: str, item: Item | None) -> Receipt:
    if item is None:
        return Receipt(message_id, "unknown", PROVIDER, reason="unreadable_answer")
    code = item["ErrorCode"]
    if code == 0:
        return Receipt(message_id, "accepted", PROVIDER, provider_message_id=item.get("MessageID"))
    outcome: Outcome = "rejected" if code in MESSAGE_AT_FAULT else "retry"
    suppress: SuppressionReason | None = "hard_bounced" if code == INACTIVE_RECIPIENT else None
    return Receipt(message_id, outcome, PROVIDER, reason=f"postmark {code}", suppress=suppress)


def _is_item(item: object) -> bool:
    return isinstance(item, dict) and isinstance(item.get("ErrorCode"), int)


def _is_about_message(code: object) -> bool:
    return code == 0 or code in MESSAGE_AT_FAULT


def _refuse_all(code: object) -> None:
    """Nothing of the call was taken, for a reason that is not in its messages."""
    if code in LATER:
        raise TryAgain(f"postmark {code}")
    if isinstance(code, int) and not _is_about_message(code):
        raise StopSync(f"postmark answered with its code {code}: check the account (MILLRACE_POSTMARK_…)")
