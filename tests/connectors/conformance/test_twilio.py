"""Twilio, for SMS and for WhatsApp, keeps to what every vendor keeps to."""

import json
from dataclasses import replace

import pytest

from connectors.chat.twilio_whatsapp import TwilioWhatsAppSender
from connectors.sms.twilio import TwilioSmsSender
from tests.connectors.conformance.suite import HttpConformance
from tests.connectors.conformance.vendor import Answer, CutAnswer

ACCOUNT = "AC" + "a" * 32
ONE_PER_CALL = dict.fromkeys(("reordered", "duplicated", "shortened"), "one message per call")


def refusal(code, status=400):
    """Twilio's error, which quotes the number."""
    return Answer(status, {"code": code, "message": "The number +436641110001 is …", "status": status})


class TwilioConformance(HttpConformance):
    provider = "twilio"
    secrets = ("auth-token", ACCOUNT)
    absent = ONE_PER_CALL
    suppresses = "hard_bounced"
    dead_address = refusal(21211)
    refused_content = refusal(21617)
    # Created, and already known to fail.
    failure_inside = Answer(201, {"sid": "SM1", "status": "failed", "error_code": 30007})

    def changes(self, person):
        number = sum(person.encode())
        return {"channel": self.channel, "address": f"+43664111{number:04}", "template": "sms/cart_nudge"}

    def options(self, url, timeout_seconds):
        return {
            "status_callback": "https://shop.example/feedback/twilio",
            "base_url": url,
            "timeout_seconds": timeout_seconds,
        }

    def accepted(self, request):
        sid = "SM" + self.keys_of(request)[0].encode().hex().rjust(32, "0")
        return Answer(201, {"sid": sid, "status": "queued", "error_code": None})

    def cut_answer(self, request):
        return CutAnswer(self.accepted(request))

    def keys_of(self, request):
        assert request.path == f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
        return [request.form()["StatusCallback"].partition("?message_id=")[2]]


class TestTwilioSms(TwilioConformance):
    channel = "sms"

    def open(self, url, timeout_seconds):
        return TwilioSmsSender(
            ACCOUNT, "auth-token", messaging_service_sid="MG" + "b" * 32, **self.options(url, timeout_seconds)
        )


class TestTwilioWhatsApp(TwilioConformance):
    channel = "whatsapp"
    dead_address = refusal(63003)
    refused_content = refusal(63016)

    def open(self, url, timeout_seconds):
        return TwilioWhatsAppSender(
            ACCOUNT, "auth-token", sender="+436640000000", **self.options(url, timeout_seconds)
        )

    def envelopes(self, *people):
        approved = {
            "template": "hello",
            "language": "en",
            "content_sid": "HX" + "c" * 32,
            "parameters": ["Ann"],
        }
        return [
            replace(envelope, content=replace(envelope.content, data=approved))
            for envelope in super().envelopes(*people)
        ]

    def test_only_approved_templates_leave(self):
        with self.playing("accepted") as far:
            self.send(self.url(far.port), self.envelopes("ann"))
            form = far.requests[0].form()
        assert (form["To"][:9], form["From"], form["ContentSid"]) == (
            "whatsapp:",
            "whatsapp:+436640000000",
            "HX" + "c" * 32,
        )
        assert json.loads(form["ContentVariables"]) == {"1": "Ann", "2": "cart"}
        assert "Body" not in form

    def test_what_was_not_approved_stays(self):
        plain = HttpConformance.envelopes(self, "ann")
        with self.playing("accepted") as far:
            (played,) = self.send(self.url(far.port), plain)
            assert far.requests == []
        assert (played.outcomes, played.receipts[0].reason.partition(":")[0]) == (
            ["rejected"],
            "no_content_sid",
        )


@pytest.fixture(autouse=True)
def _no_environment(monkeypatch):
    """The SDK would take credentials and region from there."""
    monkeypatch.setenv("TWILIO_ACCOUNT_SID", "AC-of-somebody-else")
    monkeypatch.setenv("TWILIO_REGION", "au1")
