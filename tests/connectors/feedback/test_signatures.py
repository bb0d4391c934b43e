"""A post is believed when its vendor signed it, and not when a byte is different or the recording is old."""

import base64
import hashlib
import hmac
import json
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from connectors.feedback import (
    NotAuthentic,
    Post,
    bounce_mail,
    mailgun,
    postmark,
    sendgrid,
    ses,
    twilio,
    whatsapp,
)
from connectors.feedback.sns import subscription_to_confirm

NOW = datetime(2026, 3, 2, 10)
DAY = timedelta(days=1)
TOPIC = "arn:aws:sns:eu-central-1:123456789012:ses"
CERTIFICATE_URL = "https://sns.eu-central-1.amazonaws.com/SimpleNotificationService-0a1b2c.pem"


def flipped(content: bytes, place: int) -> bytes:
    return content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def seconds(moment: datetime) -> str:
    return str(int(moment.replace(tzinfo=UTC).timestamp()))


class TestSendGrid:
    def signed(self, vector, *, body=None, received_after=timedelta()):
        at = datetime.fromtimestamp(int(vector["timestamp"]), UTC).replace(tzinfo=None)
        headers = {
            sendgrid.SIGNATURE_HEADER: vector["signature"],
            sendgrid.TIMESTAMP_HEADER: vector["timestamp"],
        }
        return Post(body or vector["payload"].encode(), at + received_after, headers)

    @pytest.fixture(params=["single", "multiple"])
    def vector(self, recordings, request):
        path = recordings / "webhooks" / "sendgrid_signed_event_vectors.json"
        return json.loads(path.read_text())[request.param]

    def test_the_published_vectors_verify(self, vector):
        assert sendgrid.verify(self.signed(vector), vector["public_key"]) is None

    def test_no_byte_may_differ(self, vector):
        body = vector["payload"].encode()
        for place in range(0, len(body), 17):
            with pytest.raises(NotAuthentic):
                sendgrid.verify(self.signed(vector, body=flipped(body, place)), vector["public_key"])

    def test_another_timestamp_or_signature_fails(self, vector):
        for change in ({"timestamp": "1600112503"}, {"signature": "AAAA"}, {"signature": "not base64"}):
            with pytest.raises(NotAuthentic):
                sendgrid.verify(self.signed(vector | change), vector["public_key"])

    def test_a_recording_of_the_day_before_yesterday_is_refused(self, vector):
        with pytest.raises(NotAuthentic, match="too far from now"):
            sendgrid.verify(self.signed(vector, received_after=DAY * 2), vector["public_key"])

    def test_the_key_of_another_account_fails(self, vector):
        other = ec.generate_private_key(ec.SECP256R1()).public_key()
        key = base64.b64encode(other.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()
        with pytest.raises(NotAuthentic):
            sendgrid.verify(self.signed(vector), key)


class TestTwilio:
    @pytest.fixture
    def vectors(self, recordings):
        path = recordings / "webhooks" / "twilio_vectors_and_callbacks.json"
        return [vector for vector in json.loads(path.read_text())["vectors"] if "signature" in vector]

    def test_the_published_vectors_verify_and_fail_when_anything_differs(self, vectors, post):
        for vector in vectors:
            headers = {"X-Twilio-Signature": vector["signature"]}
            right = post(form=vector["params"], headers=headers, url=vector["url"])
            assert twilio.verify(right, vector["auth_token"]) is None
            wrong = [
                post(form=vector["params"] | {"Digits": "1235"}, headers=headers, url=vector["url"]),
                post(form=vector["params"], headers=headers, url=vector["url"] + "3"),
                post(form=vector["params"], headers={"X-Twilio-Signature": "x"}, url=vector["url"]),
                post(form=vector["params"], url=vector["url"]),
            ]
            for tampered in wrong:
                with pytest.raises(NotAuthentic):
                    twilio.verify(tampered, vector["auth_token"])
            with pytest.raises(NotAuthentic):
                twilio.verify(right, "12346")

    def test_a_json_body_is_bound_by_its_hash_in_the_address(self, post):
        body = b'{"property": "value", "boolean": true}'
        url = f"https://hooks.example/twilio?bodySHA256={hashlib.sha256(body).hexdigest()}"
        signature = base64.b64encode(hmac.new(b"12345", url.encode(), hashlib.sha1).digest()).decode()
        headers = {"X-Twilio-Signature": signature}
        assert twilio.verify(post(body, headers=headers, url=url), "12345") is None
        with pytest.raises(NotAuthentic):
            twilio.verify(post(flipped(body, 5), headers=headers, url=url), "12345")


class TestMailgun:
    def signed(self, post, *, key="key", at=NOW, **changes):
        stamp, token = seconds(at), "a" * 50
        signature = hmac.new(key.encode(), f"{stamp}{token}".encode(), hashlib.sha256).hexdigest()
        told = {"timestamp": stamp, "token": token, "signature": signature} | changes
        return post({"signature": told, "event-data": {"event": "delivered"}}, received_at=NOW)

    def test_the_right_key_verifies_and_any_other_thing_does_not(self, post):
        assert mailgun.verify(self.signed(post), "key") is None
        for wrong in (
            self.signed(post, key="other"),
            self.signed(post, token="b" * 50),
            self.signed(post, timestamp=seconds(NOW + timedelta(seconds=1))),
            self.signed(post, signature="é"),
            post({"event-data": {"event": "delivered"}}),
        ):
            with pytest.raises(NotAuthentic):
                mailgun.verify(wrong, "key")

    def test_recordings_and_posts_from_the_future_are_refused(self, post):
        for at in (NOW - DAY * 2, NOW + timedelta(hours=1)):
            with pytest.raises(NotAuthentic, match="too far from now"):
                mailgun.verify(self.signed(post, at=at), "key")

    def test_the_recorded_signatures_verify_and_the_wrong_one_does_not(self, recordings):
        verified = {}
        for line in (recordings / "webhooks" / "esp_webhook_posts.jsonl").read_text().splitlines():
            record = json.loads(line)
            name = record["test"].split(".")[-1]
            if "mailgun" in record["path"] and "missing_signature" not in name and "api_key" not in name:
                told = mailgun._part(Post.from_record(record, NOW), "signature")
                at = datetime.fromtimestamp(int(told["timestamp"]), UTC).replace(tzinfo=None)
                try:
                    mailgun.verify(Post.from_record(record, at), "TEST_WEBHOOK_SIGNING_KEY")
                    verified[name] = True
                except NotAuthentic:
                    verified[name] = False
        assert [name for name, is_right in verified.items() if not is_right] == [
            "test_verifies_bad_signature"
        ]


def test_postmark_posts_carry_the_user_and_password_of_their_address(post):
    def asked(credentials, scheme="Basic"):
        token = base64.b64encode(credentials.encode()).decode()
        return post({}, headers={"Authorization": f"{scheme} {token}"})

    assert postmark.verify(asked("millrace:secret"), "millrace:secret") is None
    for wrong in (asked("millrace:secreT"), asked("millrace:secret", "Bearer"), post({})):
        with pytest.raises(NotAuthentic):
            postmark.verify(wrong, "millrace:secret")


def test_whatsapp_posts_are_signed_over_their_bytes(post):
    body = b'{"object": "whatsapp_business_account", "entry": []}'
    signature = "sha256=" + hmac.new(b"app secret", body, hashlib.sha256).hexdigest()
    headers = {"X-Hub-Signature-256": signature}
    assert whatsapp.verify(post(body, headers=headers), "app secret") is None
    for wrong, secret in (
        (post(flipped(body, 12), headers=headers), "app secret"),
        (post(body, headers=headers), "other"),
        (post(body), "app secret"),
    ):
        with pytest.raises(NotAuthentic):
            whatsapp.verify(wrong, secret)


def test_nobody_can_post_a_bounce(post):
    with pytest.raises(NotAuthentic):
        bounce_mail.verify(post({}), "")


class TestSns:
    @pytest.fixture(scope="class")
    def key(self):
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)

    @pytest.fixture(scope="class")
    def certificate(self, key):
        """Like Amazon's: valid for the year of the test."""
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
        builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        builder = builder.not_valid_before(datetime(2026, 1, 1)).not_valid_after(datetime(2026, 12, 31))
        return builder.sign(key, SHA256()).public_bytes(Encoding.PEM)

    @pytest.fixture
    def signed(self, key, post):
        """`signed(Type=…)`: an envelope as SNS signs it, in version 1 or 2."""

        def sign(version="2", received_at=NOW, tampered=None, **changes):
            envelope = {
                "Type": "Notification",
                "MessageId": "19ba9823",
                "TopicArn": TOPIC,
                "Message": '{"eventType": "Send"}\n',
                "Timestamp": "2026-03-02T09:59:59.675Z",
                "SignatureVersion": version,
                "SigningCertURL": CERTIFICATE_URL,
                **changes,
            }
            names = ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type")
            if envelope["Type"] != "Notification":
                names = ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type")
            text = "".join(f"{name}\n{envelope[name]}\n" for name in names if name in envelope).encode()
            digest = SHA256() if version == "2" else SHA1()
            signature = base64.b64encode(key.sign(text, padding.PKCS1v15(), digest)).decode()
            return post(envelope | {"Signature": signature} | (tampered or {}), received_at=received_at)

        return sign

    @pytest.fixture
    def verify(self, certificate):
        return lambda post, topic=TOPIC: ses.verify(post, topic, certificate=lambda _url: certificate)

    @pytest.mark.parametrize("version", ["1", "2"])
    def test_notifications_and_confirmations_verify_in_both_versions(self, signed, verify, version):
        confirmation = {
            "Type": "SubscriptionConfirmation",
            "Token": "t",
            "SubscribeURL": "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription",
        }
        assert verify(signed(version)) is None
        assert verify(signed(version, Subject="Amazon SES Email Event Notification")) is None
        assert verify(signed(version, **confirmation)) is None

    def test_no_signed_field_may_differ(self, signed, verify):
        for name in ("Message", "MessageId", "Timestamp", "Signature"):
            with pytest.raises(NotAuthentic):
                verify(signed(tampered={name: "2026-03-02T09:59:58.675Z"}))

    def test_a_certificate_from_elsewhere_is_never_fetched(self, signed):
        def fetch(url):
            raise AssertionError(url)

        for url in (
            "https://sns.eu-central-1.amazonaws.com.evil.example/a.pem",
            "https://evil.example/sns.eu-central-1.amazonaws.com/a.pem",
            "https://bucket.s3.eu-central-1.amazonaws.com/a.pem",
            "https://sns.eu-central-1.amazonaws.com@evil.example/a.pem",
            "https://sns.eu-central-1.amazonaws.com:8443/a.pem",
            "http://sns.eu-central-1.amazonaws.com/a.pem",
            "https://sns.eu-central-1.amazonaws.com/a.pem.exe",
            "",
        ):
            with pytest.raises(NotAuthentic, match="not at Amazon's"):
                ses.verify(signed(SigningCertURL=url), TOPIC, certificate=fetch)

    def test_amazon_signs_for_everybody_so_the_topic_must_be_ours(self, signed, verify):
        with pytest.raises(NotAuthentic, match="another SNS topic"):
            verify(signed(TopicArn="arn:aws:sns:eu-central-1:999999999999:evil"))

    def test_old_recordings_and_expired_certificates_are_refused(self, signed, verify):
        with pytest.raises(NotAuthentic, match="too far from now"):
            verify(signed(received_at=NOW + DAY * 2))
        with pytest.raises(NotAuthentic, match="not valid now"):
            verify(signed(received_at=datetime(2027, 1, 2)))

    def test_the_confirmation_address_is_given_only_when_it_is_amazons(self, signed):
        confirmation = {"Type": "SubscriptionConfirmation", "Token": "t"}
        url = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription"
        assert subscription_to_confirm(signed(SubscribeURL=url, **confirmation)) == url
        assert subscription_to_confirm(signed(SubscribeURL="https://evil.example/", **confirmation)) is None
        assert subscription_to_confirm(signed()) is None
