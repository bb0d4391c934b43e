"""STOP, START and HELP over the mounted webhook of Twilio."""

from datetime import timedelta

import pytest
from twilio.request_validator import RequestValidator

from connectors.delivery.ledger import claim
from tests.connectors.collector.conftest import PUBLIC_URL

TOKEN = "twilio-auth-token"
NUMBER = "+4366412345678"


@pytest.fixture
def texts(visit):
    """`texts("STOP")`: what Twilio is answered when somebody replies that."""

    def reply(body, sid="SM1", **more):
        form = {
            "MessageSid": sid,
            "From": NUMBER,
            "To": "+43720000000",
            "Body": body,
            "SmsStatus": "received",
        } | more
        signature = RequestValidator(TOKEN).compute_signature(f"{PUBLIC_URL}/webhooks/twilio", form)
        headers = {"X-Twilio-Signature": signature}
        options = {"secrets": {"TWILIO_WEBHOOK_SECRET": TOKEN}}
        answer = visit("post", "/webhooks/twilio", data=form, headers=headers, options=options)
        assert (answer.status_code, answer.headers["content-type"]) == (200, "text/xml; charset=utf-8")
        return answer.text.partition("?>")[2]

    return reply


def test_help_is_answered_with_who_writes_and_how_to_end_it(texts):
    answer = "Millrace: hello@shop.example, https://shop.example. Reply STOP to end."
    assert texts("Help ") == f"<Response><Message>{answer}</Message></Response>"


@pytest.mark.parametrize(
    ("body", "more"), [("STOP", {}), ("START", {}), ("help me", {}), ("HELP", {"OptOutType": "HELP"})]
)
def test_all_else_is_taken_in_silence(texts, body, more):
    assert texts(body, **more) == "<Response></Response>"


def test_a_stop_one_second_before_the_send_stops_it(texts, store, message, agree, now):
    agree("ann", channel="sms")
    texts("STOP")
    due = message("ann", channel="sms", address=NUMBER, template="sms/cart_nudge")
    later = now + timedelta(seconds=1)
    assert claim(store, [due], "worker", later, later).skipped == {due.message_id: "suppressed"}
