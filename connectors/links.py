"""Signed links in messages: who clicked what cannot be forged, read or redirected elsewhere.

A token holds the message id, the profile id (opaque), the channel and, for a click, the target; never an
address. The same message gives the same token for ever, so rendering stays deterministic.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from itsdangerous import BadSignature, Signer

from connectors.errors import ConnectorError

Purpose = Literal["click", "open", "unsubscribe", "preferences", "view", "confirm", "trap", "device"]
LETTERS: dict[Purpose, str] = {
    "click": "c",
    "open": "o",
    "unsubscribe": "u",
    "preferences": "p",
    "view": "v",
    "confirm": "s",
    "trap": "t",
    "device": "d",
}
"""`confirm` says yes to a subscription, `trap` is seen by machines alone, `device` lets an app register."""
PURPOSES: dict[str, Purpose] = {letter: purpose for purpose, letter in LETTERS.items()}

FIELDS = 4
"""Letter, message id, profile id, channel; a click has its target as the fifth."""

OURS = re.compile(r"/([coupvstd])/([A-Za-z0-9_-]+)\.[A-Za-z0-9_-]{43}")
"""A link in a text: letter, payload, and a signature that is 32 bytes long."""


class BadLink(ConnectorError):  # noqa: N818  (like the errors of a call, named by what it is)
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
        self._signer = Signer(secret, salt="millrace.link", digest_method=hashlib.sha256)
        self._mac = hmac.new(self._signer.derive_key(), digestmod=hashlib.sha256)

    def url(self, link: Link) -> str:
        """The public address of a link: `<public_url>/<letter>/<token>`."""
        return self.signer(link.message_id, link.profile_id, link.channel)(link.purpose, link.url)

    def signer(self, message_id: str, profile_id: str, channel: str) -> Callable[[Purpose, str | None], str]:
        """Makes the public addresses of one message's links; a mail has a dozen of them."""
        about = f"\n{message_id}\n{profile_id}\n{channel}"

        def sign(purpose: Purpose, url: str | None = None) -> str:
            letter = LETTERS[purpose]
            fields = f"{letter}{about}\n{url}" if url else f"{letter}{about}"
            payload = urlsafe_b64encode(fields.encode()).rstrip(b"=")
            mac = self._mac.copy()  # What `Signer.sign` does, from its derived key on.
            mac.update(payload)
            signature = urlsafe_b64encode(mac.digest()).rstrip(b"=")
            return f"{self._base}/{letter}/{payload.decode()}.{signature.decode()}"

        return sign

    def read(self, url: str) -> Link:
        """The link behind a public address or its path.

        Raises:
            BadLink: when it is not one of ours, unchanged.
        """
        path, _, token = url.rpartition("/")
        try:
            payload = self._signer.unsign(token)
            letter, message_id, profile_id, channel, *target = _fields(payload)
            purpose = PURPOSES[letter]
        except (BadSignature, ValueError, KeyError) as error:
            raise BadLink("not a link of this installation") from error
        if path.rpartition("/")[2] != letter:
            raise BadLink(f"a link to {purpose} does not do anything else")
        return Link(purpose, message_id, profile_id, channel, target[0] if target else None)


def named_in(text: str) -> set[str]:
    """Message ids that the links in a text name, signatures unread: a vendor's log quotes what we sent."""
    found = set()
    for letter, payload in OURS.findall(text):
        try:
            fields = _fields(payload.encode())
        except ValueError:
            continue
        if fields[0] == letter and len(fields) >= FIELDS:
            found.add(fields[1])
    return found


def _fields(payload: bytes) -> list[str]:
    return urlsafe_b64decode(payload + b"=" * (-len(payload) % 4)).decode().split("\n", FIELDS)
