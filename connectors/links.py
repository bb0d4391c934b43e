"""Signed links in messages: who clicked what cannot be forged, read or redirected elsewhere.

A token holds the message id, the profile id (opaque), the channel and, for a click, the target; never an address. The
same message gives the same token for ever, so rendering stays deterministic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from itsdangerous import BadData, URLSafeSerializer

from connectors.errors import ConnectorError

Purpose = Literal["click", "open", "unsubscribe", "preferences", "view"]
PATHS: dict[Purpose, str] = {"click": "c", "open": "o", "unsubscribe": "u", "preferences": "p", "view": "v"}


class BadLink(ConnectorError):
    """A link that we did not sign, or that was changed on its way."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a link that came back says; `url` is where a click goes."""

    purpose: Purpose
    message_id: str
    profile_id: str
    channel: str
    url: str | None = None


class Links:
    """Signs and reads the links of one installation."""

    def __init__(self, secret: str, public_url: str) -> None:
        self._base = public_url.rstrip("/")
        self._signers = {purpose: URLSafeSerializer(secret, salt=f"link:{purpose}") for purpose in PATHS}

    def url(self, link: Link) -> str:
        """The public address of a link: `<public_url>/<c|o|u|p|v>/<token>`."""
        payload = [link.message_id, link.profile_id, link.channel]
        token = self._signers[link.purpose].dumps([*payload, link.url] if link.url else payload)
        return f"{self._base}/{PATHS[link.purpose]}/{token}"

    def read(self, url: str) -> Link:
        """The link behind a public address or its path.

        Raises:
            BadLink: when it is not one of ours, unchanged.
        """
        path, _, token = url.rpartition("/")
        letter = path.rpartition("/")[2]
        for purpose in get_args(Purpose):
            if PATHS[purpose] == letter:
                return self._open(purpose, token)
        raise BadLink("not a link of this installation")

    def _open(self, purpose: Purpose, token: str) -> Link:
        try:
            message_id, profile_id, channel, *url = self._signers[purpose].loads(token)
        except (BadData, ValueError, TypeError) as error:
            raise BadLink("the signature does not fit") from error
        return Link(purpose, message_id, profile_id, channel, url[0] if url else None)
