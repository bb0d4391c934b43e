"""Amazon SNS: the signed envelope in which SES reports.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

from __future__ import annotations

import base64
import binascii
import re
import ssl
from collections.abc import Callable
from datetime import UTC
from functools import lru_cache
from urllib.parse import urlsplit
from urllib.request import urlopen

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.x509 import load_pem_x509_certificate
from pydantic import ValidationError

from connectors.feedback.model import Item, NotAuthentic, Post, check_fresh, moment

SIGNED_FIELDS = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
SIGNED_FIELDS_OF_CONFIRMATIONS = (
    "Message",
    "MessageId",
    "SubscribeURL",
    "Timestamp",
    "Token",
    "TopicArn",
    "Type",
)
AMAZON = re.compile(r"sns\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")
TIMEOUT_SECONDS = 10

FetchCertificate = Callable[[str], bytes]
"""From a URL that is known to be Amazon's to the PEM text behind it."""


class Envelope(Item):
    """What SNS posts; the vendor's message is JSON text inside `Message`."""

    Type: str
    MessageId: str
    Message: str = ""
    Timestamp: str | None = None
    TopicArn: str | None = None
    Subject: str | None = None
    Token: str | None = None
    SubscribeURL: str | None = None
    SignatureVersion: str | None = None
    Signature: str | None = None
    SigningCertURL: str | None = None


@lru_cache(maxsize=16)
def fetch_certificate(url: str) -> bytes:
    """The certificate behind an Amazon URL, once per process; TLS proves whose it is."""
    with urlopen(url, timeout=TIMEOUT_SECONDS, context=ssl.create_default_context()) as answer:  # noqa: S310  (https and host are checked by the caller)
        content: bytes = answer.read(65_536)
    return content


def verify(post: Post, secret: str, certificate: FetchCertificate = fetch_certificate) -> None:
    """Check that SNS signed the post for our topic; `secret` is the topic's ARN.

    Args:
        post: the webhook call.
        secret: ARN of the topic: Amazon signs for everybody, so the topic tells whose post it is.
        certificate: fetches the signer's certificate; the URL has been checked.

    Raises:
        NotAuthentic: foreign topic, certificate or signature, or signed too long ago.
    """
    try:
        envelope = Envelope.model_validate_json(post.body)
    except ValidationError as error:
        raise NotAuthentic("no SNS envelope") from error
    if envelope.TopicArn != secret:
        raise NotAuthentic("the post is of another SNS topic")
    url = envelope.SigningCertURL or ""
    if not is_amazon(url) or not urlsplit(url).path.endswith(".pem"):
        raise NotAuthentic("the signing certificate is not at Amazon's")
    signer = load_pem_x509_certificate(certificate(url))
    received_at = post.received_at.replace(tzinfo=UTC)
    if not signer.not_valid_before_utc <= received_at <= signer.not_valid_after_utc:
        raise NotAuthentic("the signing certificate is not valid now")
    key = signer.public_key()
    if not isinstance(key, rsa.RSAPublicKey):
        raise NotAuthentic("the signing certificate has no RSA key")
    digest = SHA256() if envelope.SignatureVersion == "2" else SHA1()  # noqa: S303  (version 1 of SNS)
    try:
        signature = base64.b64decode(envelope.Signature or "", validate=True)
        key.verify(signature, _signed_text(envelope), padding.PKCS1v15(), digest)
    except (InvalidSignature, binascii.Error) as error:
        raise NotAuthentic("wrong SNS signature") from error
    check_fresh(moment(envelope.Timestamp), post.received_at)


def subscription_to_confirm(post: Post) -> str | None:
    """The URL to call, once the post is verified, so that SNS begins to report; none for any other post."""
    try:
        envelope = Envelope.model_validate_json(post.body)
    except ValidationError:
        return None
    url = envelope.SubscribeURL or ""
    return url if envelope.Type == "SubscriptionConfirmation" and is_amazon(url) else None


def is_amazon(url: str) -> bool:
    """Whether a URL is an SNS endpoint of Amazon's, over TLS, at the usual port."""
    parts = urlsplit(url)
    return parts.scheme == "https" and bool(AMAZON.fullmatch(parts.netloc))


def _signed_text(envelope: Envelope) -> bytes:
    """Names and values of the signed fields, each on its line, absent ones left out."""
    is_notification = envelope.Type == "Notification"
    fields = SIGNED_FIELDS if is_notification else SIGNED_FIELDS_OF_CONFIRMATIONS
    values = ((name, getattr(envelope, name)) for name in fields)
    return "".join(f"{name}\n{value}\n" for name, value in values if value is not None).encode()
