"""What Meta's answers mean: its codes count, the statuses around them vary."""

from __future__ import annotations

from collections.abc import Mapping

from connectors.errors import StopSync, TryAgain
from connectors.http import Reply, judge
from connectors.model import Receipt, SuppressionReason

OUR_FAULT = frozenset({0, 3, 10, *range(190, 300), 33, 368, 131005, 131031, 131042, 131045, 133010})
"""Token, permission, account, payment or number: every message would fail until a person acts."""

NOT_NOW = frozenset({4, 80007, 130429, 131048, 131056, 133016})
"""Limits of the app, the account, the number, its reputation, or this pair of numbers: nothing was taken."""

SUPPRESSIONS: Mapping[int, SuppressionReason] = {131050: "stop"}
"""The recipient has stopped this business's marketing. Not 131026: no account yet, an old app, new terms."""

ABOUT_THE_MESSAGE = 130_000
"""Codes from here on are WhatsApp's own; with a 4xx of whatever kind, this one message was refused."""

NOT_SENT = "paused"


def receipt_of(message_id: str, reply: Reply) -> Receipt:
    """Meta's answer as a receipt.

    Raises:
        TryAgain: a limit was reached.
        StopSync: token, account or number are at fault.
    """
    if reply.is_success:
        return _taken(message_id, reply)
    code = _code(reply)
    if code in OUR_FAULT:
        raise StopSync(f"whatsapp {code}: check MILLRACE_WHATSAPP_… and the account in WhatsApp Manager")
    if code in NOT_NOW:
        raise TryAgain(f"whatsapp {code}", reply.retry_after_seconds())
    if code is not None and code >= ABOUT_THE_MESSAGE and reply.status in range(400, 500):
        return Receipt(
            message_id, "rejected", "whatsapp", reason=f"whatsapp {code}", suppress=SUPPRESSIONS.get(code)
        )
    verdict = judge(reply, "whatsapp")
    assert verdict, "success was read above"
    return verdict.receipt(message_id, "whatsapp")


def _taken(message_id: str, reply: Reply) -> Receipt:
    """A success names the message; one that is held for a check of its quality is Meta's to send."""
    try:
        taken = reply.json()["messages"][0]
        name, status = str(taken["id"]), taken.get("message_status")
    except (KeyError, IndexError, TypeError, AttributeError):
        return Receipt(message_id, "unknown", "whatsapp", reason="unreadable_answer")
    if status == NOT_SENT:
        return Receipt(message_id, "rejected", "whatsapp", name, reason=f"whatsapp {status}")
    return Receipt(message_id, "accepted", "whatsapp", name)


def _code(reply: Reply) -> int | None:
    answer = reply.json()
    error = answer.get("error") if isinstance(answer, dict) else None
    code = error.get("code") if isinstance(error, dict) else None
    return code if isinstance(code, int) else None
