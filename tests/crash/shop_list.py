"""The list that the harness sends: messages that everybody wants and that never expire, and their contents."""

from datetime import datetime, timedelta

from connectors.errors import Rejected
from connectors.model import Content, Message

NOW = datetime(2026, 3, 2, 10)
LATE_CLASS = "operational"
"""Every ninth message is two days late, which this class asks a person about."""


def message_id(run, number):
    """The id says which run of the harness it belongs to."""
    return f"{run}-{number:06d}"


def id_at(address):
    """The message that goes to an address."""
    run, number = address.partition("@")[0].split(".")
    return message_id(run, int(number))


def message(run, number):
    """Message number n of a run; transactional, because no consent has to be copied for it."""
    is_late = number % 9 == 8
    return Message(
        message_id=message_id(run, number),
        kind="flow",
        flow="flow_post_purchase",
        step="confirmation",
        entry_id=f"entry-{number}",
        profile_id=f"profile-{number}",
        channel="email",
        address=f"{run}.{number}@example.com",
        template="email/order_confirmation",
        variant=None,
        message_class=LATE_CLASS if is_late else "transactional",
        priority=100,
        decided_at=NOW,
        due_at=NOW - timedelta(days=2) if is_late else NOW,
    )


def is_unrenderable(message_id):
    """One message in 25 breaks its template."""
    return int(message_id.rpartition("-")[2]) % 25 == 24


class Renderer:
    """Some 3 kB, so that a connection can be cut in the middle."""

    def render(self, message):
        if is_unrenderable(message.message_id):
            raise Rejected("template_error")
        return Content(
            text=f"for {message.profile_id}", subject="Hello", html="<p>Hello, how are you?</p>\n" * 100
        )
