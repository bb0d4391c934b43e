"""A browser's subscription: where its push service is, and how to write what only the browser can read."""

from __future__ import annotations

import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import http_ece  # type: ignore[import-untyped]
from cryptography.hazmat.primitives.asymmetric import ec

from connectors.errors import Rejected

PUSH_SERVICES = (
    "fcm.googleapis.com",
    "push.services.mozilla.com",
    "push.apple.com",
    "notify.windows.com",
)
"""Whose subscriptions are served, with all below them: a subscription comes from a browser, so its address
could name anything, our own network included."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """A browser's subscription: where to, and the keys that only its browser can read with."""

    endpoint: SplitResult
    p256dh: bytes
    auth: bytes


def read_subscription(address: str, push_services: Sequence[str]) -> Subscription:
    """The subscription that a device token is: the JSON of `PushSubscription`.

    Raises:
        Rejected: it is none, lacks its keys, or leads to somewhere else than a push service.
    """
    try:
        given: Any = json.loads(address)
        endpoint = urlsplit(given["endpoint"])
        keys = given["keys"]
        subscription = Subscription(endpoint, unpadded(keys["p256dh"]), unpadded(keys["auth"]))
        ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), subscription.p256dh)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise Rejected("not_a_push_subscription") from error
    host = endpoint.hostname or ""
    if endpoint.scheme != "https" or not any(
        host == service or host.endswith(f".{service}") for service in push_services
    ):
        raise Rejected("unknown_push_service")
    return subscription


def encrypt(payload: bytes, subscription: Subscription) -> bytes:
    """One record of aes128gcm, with a key that is used once (RFC 8291)."""
    encrypted: bytes = http_ece.encrypt(
        payload,
        salt=os.urandom(16),
        private_key=ec.generate_private_key(ec.SECP256R1()),
        dh=subscription.p256dh,
        auth_secret=subscription.auth,
        version="aes128gcm",
    )
    return encrypted


def padless(value: bytes) -> str:
    """URL-safe base64 as the RFCs write it."""
    return urlsafe_b64encode(value).rstrip(b"=").decode()


def unpadded(text: str) -> bytes:
    """URL-safe base64 with or without its padding."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
