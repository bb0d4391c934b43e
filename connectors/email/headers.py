"""The headers that go with every mail over an HTTP API, where the vendor writes the others."""

from __future__ import annotations

from connectors.email.mime import domain
from connectors.model import Envelope


def own_headers(envelope: Envelope, mail_from: str) -> dict[str, str]:
    """Our message id, what the big mailbox providers group complaints by, and one-click unsubscribing."""
    message, content = envelope.message, envelope.content
    headers = {
        "Message-ID": f"<{message.message_id}@{domain(mail_from)}>",
        "X-Millrace-Message-Id": message.message_id,
        "Feedback-ID": f"{message.flow}:{message.step}:{message.message_class}:millrace",
    }
    if content.unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{content.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers
