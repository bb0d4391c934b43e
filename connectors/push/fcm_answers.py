"""What FCM's answers mean: its error codes say more than the status around them."""

from __future__ import annotations

from connectors.errors import TryAgain
from connectors.http import Reply, judge
from connectors.model import Receipt, SuppressionReason

BAD_REQUEST = 400
WAIT_WITHOUT_HINT_SECONDS = 60.0
"""Firebase asks for a minute when it is over quota and names no time."""


def receipt_of(message_id: str, reply: Reply) -> Receipt:
    """FCM's answer as a receipt.

    Raises:
        TryAgain: over quota, unavailable, or the credentials that FCM has for Apple or browsers are wrong.
        StopSync: this project may not send.
    """
    if reply.is_success:
        answer = reply.json()
        if isinstance(answer, dict) and answer.get("name"):
            return Receipt(message_id, "accepted", "fcm", str(answer["name"]))
        return Receipt(message_id, "unknown", "fcm", reason="unreadable_answer")
    said = words(reply)
    if "UNREGISTERED" in said or (reply.status == BAD_REQUEST and "invalid_token" in said):
        return _rejected(
            message_id,
            "fcm UNREGISTERED" if "UNREGISTERED" in said else "fcm INVALID_ARGUMENT token",
            "invalid_token",
        )
    if "SENDER_ID_MISMATCH" in said:
        # A token of another project; or ours is the wrong one, and every token would say so: none is closed.
        return _rejected(message_id, "fcm SENDER_ID_MISMATCH", None)
    if "THIRD_PARTY_AUTH_ERROR" in said:
        raise TryAgain("fcm THIRD_PARTY_AUTH_ERROR")
    if "QUOTA_EXCEEDED" in said:
        raise TryAgain("fcm QUOTA_EXCEEDED", reply.retry_after_seconds() or WAIT_WITHOUT_HINT_SECONDS)
    verdict = judge(reply, "fcm")
    assert verdict, "success was read above"
    return verdict.receipt(message_id, "fcm")


def words(reply: Reply) -> set[str]:
    """The codes in an error of FCM, and `invalid_token` when it complains of the token itself."""
    answer = reply.json()
    error = answer.get("error") if isinstance(answer, dict) else None
    if not isinstance(error, dict):
        return set()
    details = [detail for detail in error.get("details") or () if isinstance(detail, dict)]
    said = {str(error.get("status"))} | {str(detail.get("errorCode")) for detail in details}
    fields = {
        violation.get("field") for detail in details for violation in detail.get("fieldViolations") or ()
    }
    if "message.token" in fields or "registration token" in str(error.get("message")):
        said.add("invalid_token")
    return said


def _rejected(message_id: str, reason: str, suppress: SuppressionReason | None) -> Receipt:
    return Receipt(message_id, "rejected", "fcm", reason=reason, suppress=suppress)
