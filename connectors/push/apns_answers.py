"""What Apple's answers mean, by the reasons that it names."""

from __future__ import annotations

from connectors.errors import StopSync, TryAgain
from connectors.http import Reply, judge
from connectors.model import Receipt

INVALID_TOKEN = frozenset({"BadDeviceToken", "Unregistered", "ExpiredToken"})
OUR_FAULT = frozenset(
    {
        "BadCertificate",
        "BadCertificateEnvironment",
        "BadPath",
        "BadTopic",
        "Forbidden",
        "InvalidProviderToken",
        "MissingProviderToken",
        "MissingTopic",
        "TopicDisallowed",
    }
)
"""Key, team or topic are wrong: every notification would fail."""


def reason_of(reply: Reply) -> str | None:
    """Apple's word for why not."""
    answer = None if reply.is_success else reply.json()
    return str(answer["reason"]) if isinstance(answer, dict) and "reason" in answer else None


def receipt_of(message_id: str, reply: Reply) -> Receipt:
    """Apple's answer as a receipt.

    Raises:
        TryAgain: too many notifications for the device, or APNs is going down.
        StopSync: key, team or topic are wrong.
    """
    reason = reason_of(reply)
    if reply.is_success:
        if name := reply.headers.get("apns-id"):
            return Receipt(message_id, "accepted", "apns", name)
        return Receipt(message_id, "unknown", "apns", reason="unreadable_answer")
    if reason in INVALID_TOKEN:
        return Receipt(message_id, "rejected", "apns", reason=f"apns {reason}", suppress="invalid_token")
    if reason in OUR_FAULT:
        raise StopSync(f"apns {reason}: check MILLRACE_APNS_… and the topic")
    if reason == "ExpiredProviderToken":
        raise TryAgain("apns ExpiredProviderToken: is the clock right?")
    verdict = judge(reply, "apns")
    assert verdict, "success was read above"
    if reason and verdict.outcome == "rejected":
        return Receipt(message_id, "rejected", "apns", reason=f"apns {reason}")
    return verdict.receipt(message_id, "apns")
