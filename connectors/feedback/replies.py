"""What people answer to a text message: STOP, START, HELP, anything else.

STOP closes the channel for every class of message and withdraws the consent; START, and nothing else, opens
it again and gives the consent anew. A carrier or Twilio blocks a number after STOP until START comes from
the same handset, so a later yes on a web page could not be acted upon anyway.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from connectors.feedback.model import Feedback, heard

Keyword = Literal["stop", "start", "help"]

STOP = frozenset({"stop", "stopall", "unsubscribe", "cancel", "end", "quit", "revoke", "optout"})
START = frozenset({"start", "unstop"})
HELP = frozenset({"help", "info"})
"""Twilio's default keywords. Its YES is missing: people say it to much else, and a consent must be meant."""


def keyword(text: str) -> Keyword | None:
    """The keyword that a reply is: alone, in any case; `Stop texting me` is none, as at the carriers."""
    word = text.strip().strip(".!\"'").lower()
    words: tuple[tuple[frozenset[str], Keyword], ...] = ((STOP, "stop"), (START, "start"), (HELP, "help"))
    return next((name for known, name in words if word in known), None)


def reply(
    provider: str,
    channel: str,
    reply_id: str,
    number: str,
    occurred_at: datetime,
    said_keyword: Keyword | None,
    **properties: Any,  # noqa: ANN401  (JSON)
) -> Feedback:
    """A reply as an event: a consent withdrawn or given, or an answer; its text stays at the vendor's."""
    meaning = {"stop": "unsubscribed", "start": "subscribed"}.get(said_keyword or "", "replied")
    is_consent = meaning != "replied"
    return heard(
        provider,
        channel,
        meaning,
        ["reply", reply_id],
        occurred_at,
        address=number,
        suppress="stop" if said_keyword == "stop" else None,
        lifts="stop" if said_keyword == "start" else None,
        keyword=said_keyword,
        reason=said_keyword if is_consent else None,
        proof=reply_id if is_consent else None,
        **properties,
    )
