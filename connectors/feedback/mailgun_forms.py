"""The form posts of older Mailgun accounts, in the shape of today's JSON."""

from __future__ import annotations

from typing import Any

from connectors.feedback.post import Form


def event_data(form: Form) -> dict[str, Any]:
    """The event. The sender's own variables share the form with Mailgun's fields, which come first."""
    code = form.first("code")
    return {
        "event": form.first("event"),
        "recipient": form.first("recipient"),
        "timestamp": form.last("timestamp"),
        "url": form.first("url"),
        "reason": form.first("reason"),
        "message": {"headers": {"message-id": form.first("Message-Id")}},
        "delivery-status": _status(code) if code else None,
        "client-info": {"user-agent": form.first("user-agent"), "bot": form.first("bot")},
        "user-variables": {name: values[0] for name, values in form.items()},
    }


def signature(form: Form) -> dict[str, str | None]:
    """What is signed; of these fields, Mailgun's come last."""
    return {name: form.last(name) for name in ("token", "timestamp", "signature")}


def _status(code: str) -> dict[str, Any]:
    """`550`, or an enhanced status: `5.1.1`."""
    return {"code": int(code)} if code.isdigit() else {"enhanced-code": code}
