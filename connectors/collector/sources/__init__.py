"""Where events come from by signed webhook: one file per sender, one line each here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from connectors.collector.sources import segment, shopify, standard, stripe
from connectors.feedback.model import Post, Reject


@dataclass(frozen=True, slots=True)
class Source:
    """A sender's two functions, and what its secret is called in its own console.

    Attributes:
        records: the Segment calls in a verified post, each with a `messageId` that is the same whenever the
            same thing is told again; or why there is none.
        verify: raises `NotAuthentic` when the post is not the sender's, or is a recording.
        secret: what to set `MILLRACE_<NAME>_WEBHOOK_SECRET` to.
        notice: action, subject and details for the audit log, of a post that must be noted there.
    """

    records: Callable[[Post], list[dict[str, Any] | Reject]]
    verify: Callable[[Post, str], None]
    secret: str
    notice: Callable[[Post], tuple[str, str, Mapping[str, Any]] | None] = lambda _post: None


SOURCES = {
    "shopify": Source(shopify.records, shopify.verify, "client secret of the app", shopify.notice),
    "segment": Source(segment.records, segment.verify, "shared secret of the Webhooks (Actions) destination"),
    "stripe": Source(stripe.records, stripe.verify, "signing secret of the endpoint, whsec_…"),
    "standard": Source(standard.records, standard.verify, "whsec_ and base64 of 24 to 64 random bytes"),
}
