"""Events that a page or an app must not be able to say about anybody: its write key is public."""

from __future__ import annotations

from connectors.feedback.model import EVENT_NAMES, SAID

RESERVED = frozenset(
    {
        *SAID.values(),
        *(name for names in EVENT_NAMES.values() for name in names.values()),
        *(f"Push Notification {what}" for what in ("Sent", "Delivered", "Failed", "Rejected")),
        "Address Suppressed",
        "Device Revoked",
        "Identifiers Relinked",
        "Identifiers Unlinked",
        "Message Skipped",
        "Message Unknown",
        "Order Cancelled",
        "Order Refunded",
        "Product Updated",
        "Profile Update Rejected",
        "Profile Updated",
        "Webhook Rejected",
        "Webhook Sent",
    }
)
