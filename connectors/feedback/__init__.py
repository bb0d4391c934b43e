"""What comes back from vendors: webhooks and bounce mails in, one event model out.

Each vendor is one file with two pure functions: `normalize(post)` gives its events (and, for what it cannot
read, rejects), `verify(post, secret)` raises when the post is not the vendor's; `providers.py` lists them.
`take_feedback` acts on what they say.
"""

from __future__ import annotations

from connectors.feedback.model import Feedback, NotAuthentic, Post, Reject
from connectors.feedback.take import Taken, keep_feedback, take_feedback
from connectors.feedback.written import write_feedback

__all__ = [
    "Feedback",
    "NotAuthentic",
    "Post",
    "Reject",
    "Taken",
    "keep_feedback",
    "take_feedback",
    "write_feedback",
]
