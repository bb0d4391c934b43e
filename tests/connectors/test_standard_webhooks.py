"""Signatures: equal to those of others, and believed by our own receiver."""

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.collector.sources import standard
from connectors.feedback.model import NotAuthentic, Post
from connectors.standard_webhooks import secret_key, signature, signed_headers

NOW = datetime(2026, 3, 2, 10)
AT = int(NOW.replace(tzinfo=UTC).timestamp())
SECRET = "whsec_" + base64.b64encode(bytes(range(32))).decode()


def test_a_signature_is_that_of_the_specifications_example():
    """https://github.com/standard-webhooks/standard-webhooks, and the same in Svix's documents."""
    key = secret_key("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    said = signature(key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", b'{"test": 2432232314}')
    assert said == "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


@given(webhook_id=st.text("abc123_-.", min_size=1, max_size=40), body=st.binary(max_size=200))
def test_what_we_sign_we_believe_and_what_is_changed_we_do_not(webhook_id, body):
    headers = signed_headers(secret_key(SECRET), webhook_id, AT, body)
    standard.verify(Post(body, NOW, headers), SECRET)
    with pytest.raises(NotAuthentic):
        standard.verify(Post(body + b" ", NOW, headers), SECRET)


@pytest.mark.parametrize("secret", ["whsec_", "whsec_not base64", ""])
def test_a_secret_that_signs_nothing_is_refused(secret):
    with pytest.raises(ValueError, match="the secret is"):
        secret_key(secret)
