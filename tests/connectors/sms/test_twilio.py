"""Twilio: what leaves, what its codes mean, and what its log proves."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime
from urllib.parse import parse_qs

import pytest

from connectors.errors import StopSync, TryAgain
from connectors.links import Link, Links
from connectors.model import Content, Doubt, Envelope
from connectors.sms.numbers import e164
from connectors.sms.twilio import TwilioSmsSender
from tests.connectors.conformance.vendor import Answer, Vendor

ACCOUNT, SERVICE = "AC" + "a" * 32, "MG" + "b" * 32
LINKS = Links("secret", "https://shop.example")


@pytest.fixture
def twilio():
    with Vendor().running() as vendor:
        yield vendor


@pytest.fixture
def call(twilio):
    """`call("send", batch)` or `call("read_back", doubts)` of a sender of its own."""

    def run(what, items, **options):
        async def once():
            given = {
                "messaging_service_sid": SERVICE,
                "status_callback": "https://shop.example/feedback/twilio",
            }
            sender = TwilioSmsSender(
                ACCOUNT, "token", base_url=f"http://127.0.0.1:{twilio.port}", **(given | options)
            )
            try:
                return await getattr(sender, what)(items)
            finally:
                await sender.close()

        return asyncio.run(once())

    return run


@pytest.fixture
def envelope(message, now):
    def build(content=Content("Hello. Reply STOP to end."), address="+436641234567", **changes):  # noqa: B008
        return Envelope(message(channel="sms", address=address, **changes), content, now)

    return build


def form(request):
    return parse_qs(request.body.decode())


CREATED = Answer(201, {"sid": "SM1", "status": "queued", "error_code": None})


def test_a_text_leaves_with_its_id_its_expiry_and_the_messaging_service(twilio, call, envelope, now):
    twilio.answers(CREATED)
    (receipt,) = call("send", [envelope(expires_at=now + timedelta(hours=2))])
    assert form(twilio.requests[0]) == {
        "To": ["+436641234567"],
        "Body": ["Hello. Reply STOP to end."],
        "MessagingServiceSid": [SERVICE],
        "ValidityPeriod": ["7200"],
        "StatusCallback": ["https://shop.example/feedback/twilio?message_id=message-ann"],
    }
    assert (receipt.outcome, receipt.provider_message_id) == ("accepted", "SM1")


def test_a_picture_makes_it_an_mms(twilio, call, envelope):
    twilio.answers(CREATED)
    picture = Content("Look", image="https://shop.example/images/P103.jpg")
    call("send", [envelope(picture)], messaging_service_sid=None, sender="Millrace")
    sent = form(twilio.requests[0])
    assert (sent["MediaUrl"], sent["From"]) == (["https://shop.example/images/P103.jpg"], ["Millrace"])


@pytest.mark.parametrize(("left", "seconds"), [(timedelta(days=3), "36000"), (timedelta(seconds=1), "5")])
def test_the_validity_keeps_to_what_twilio_takes(twilio, call, envelope, now, left, seconds):
    twilio.answers(CREATED)
    call("send", [envelope(expires_at=now + left)])
    assert form(twilio.requests[0])["ValidityPeriod"] == [seconds]


def test_a_text_that_never_expires_says_nothing_about_it(twilio, call, envelope):
    twilio.answers(CREATED)
    call("send", [envelope(expires_at=None)])
    assert "ValidityPeriod" not in form(twilio.requests[0])


@pytest.mark.parametrize(
    ("status", "code", "outcome", "suppress"),
    [
        (400, 21610, "rejected", "stop"),
        (400, 21211, "rejected", "hard_bounced"),
        (400, 21614, "rejected", "hard_bounced"),
        (400, 21635, "rejected", "hard_bounced"),
        (400, 21408, "rejected", None),
        (400, 21617, "rejected", None),
        (500, 20500, "unknown", None),
    ],
)
def test_a_code_means_what_twilio_documents(twilio, call, envelope, status, code, outcome, suppress):
    twilio.answers(Answer(status, {"code": code, "message": "+436641234567 …", "status": status}))
    (receipt,) = call("send", [envelope()])
    assert (receipt.outcome, receipt.suppress) == (outcome, suppress)
    assert receipt.reason == (f"twilio {code}" if outcome == "rejected" else f"http {status}")


@pytest.mark.parametrize("code", [20429, 21611])
def test_what_was_not_queued_comes_again(twilio, call, envelope, code):
    twilio.answers(Answer(429, {"code": code}, {"Retry-After": "3"}))
    with pytest.raises(TryAgain) as waiting:
        call("send", [envelope()])
    assert waiting.value.retry_after_seconds == 3


@pytest.mark.parametrize("code", [20003, 21606, 21703])
def test_a_wrong_sender_stops_everything(twilio, call, envelope, code):
    twilio.answers(Answer(400, {"code": code}))
    with pytest.raises(StopSync, match=f"twilio {code}"):
        call("send", [envelope()])


def test_without_anything_to_send_from_nothing_is_opened(call, envelope):
    with pytest.raises(StopSync, match="Messaging Service or a number"):
        call("send", [envelope()], messaging_service_sid=None)


@pytest.mark.parametrize(
    ("status", "code", "outcome", "suppress"),
    [("undelivered", 30005, "rejected", "hard_bounced"), ("undelivered", 30003, "rejected", None)],
)
def test_a_dead_number_is_told_from_a_phone_that_is_off(
    twilio, call, envelope, status, code, outcome, suppress
):
    twilio.answers(Answer(201, {"sid": "SM1", "status": status, "error_code": code}))
    (receipt,) = call("send", [envelope()])
    assert (receipt.outcome, receipt.suppress) == (outcome, suppress)


def test_a_text_that_twilio_would_refuse_does_not_leave(twilio, call, envelope):
    (receipt,) = call("send", [envelope(Content("a" * 1601))])
    assert (receipt.outcome, receipt.reason) == ("rejected", "too_long: 1601 of 1600 characters")
    assert twilio.requests == []


@pytest.mark.parametrize("number", ["06641234567", "6641234567", "+0664123456", "", "+43 664 CALL"])
def test_no_country_code_is_guessed(twilio, call, envelope, number):
    (receipt,) = call("send", [envelope(address=number)])
    assert (receipt.outcome, receipt.reason, receipt.suppress) == (
        "rejected",
        "not_an_international_number",
        None,
    )
    assert twilio.requests == []


def test_a_number_is_written_as_e164():
    assert e164(" +43 (664) 123-45.67") == "+436641234567"


# the log ------------------------------------------------------------------------------------------


@pytest.fixture
def doubt(now):
    return Doubt("message-ann", "+436641234567", now)


@pytest.fixture
def log(twilio, now):
    """`log(entry(...), …)`: what Twilio lists for the number."""

    def answer(*entries):
        twilio.answers(Answer(200, {"messages": list(entries), "next_page_uri": None}))

    return answer


@pytest.fixture
def entry(now):
    def build(
        message_id=None, *, after=timedelta(seconds=1), status="delivered", code=None, text="Your cart"
    ):
        link = (
            LINKS.url(Link("click", message_id, "p", "sms", "https://shop.example/cart"))
            if message_id
            else ""
        )
        return {
            "sid": "SM9",
            "status": status,
            "error_code": code,
            "date_created": format_datetime(now + after).replace("-0000", "+0000"),
            "date_sent": None,
            "direction": "outbound-api",
            "body": f"{text} {link}",
        }

    return build


def outcomes(receipts):
    return [(receipt.message_id, receipt.outcome) for receipt in receipts]


def test_a_logged_text_with_our_link_was_taken(call, log, entry, doubt, twilio):
    log(entry("message-ann", status="queued"))
    (receipt,) = call("read_back", [doubt])
    assert (receipt.outcome, receipt.provider_message_id) == ("accepted", "SM9")
    # No date: a message in the queue has none, and would be missed.
    assert twilio.requests[0].query == {"To": "+436641234567", "PageSize": "1000"}


def test_a_logged_text_that_failed_is_settled_as_failed(call, log, entry, doubt):
    log(entry("message-ann", status="undelivered", code=30005))
    (receipt,) = call("read_back", [doubt])
    assert (receipt.outcome, receipt.suppress) == ("rejected", "hard_bounced")


def test_an_empty_log_proves_that_nothing_was_taken(call, log, doubt):
    log()
    assert call("read_back", [doubt]) == []


def test_other_messages_of_ours_and_older_ones_prove_it_too(call, log, entry, doubt):
    log(entry("message-bob"), entry(None, after=timedelta(minutes=-10)))
    assert call("read_back", [doubt]) == []


@pytest.mark.parametrize("text", ["Your parcel is on its way", ""])
def test_a_text_that_names_no_message_proves_nothing(call, log, entry, doubt, text):
    log(entry("message-bob"), entry(None, text=text))
    assert outcomes(call("read_back", [doubt])) == [("message-ann", "unknown")]


def test_a_log_that_goes_on_proves_nothing(call, log, entry, doubt):
    log(*[entry("message-bob")] * 1000)
    assert outcomes(call("read_back", [doubt])) == [("message-ann", "unknown")]


def test_a_doubt_is_about_its_own_number_only(call, log, entry, doubt, twilio):
    log(entry("message-ann"))
    other = replace(doubt, message_id="message-bob", address="+436647654321")
    assert outcomes(call("read_back", [doubt, other])) == [("message-ann", "accepted")]
    assert [request.query["To"] for request in twilio.requests] == ["+436641234567", "+436647654321"]


def test_a_log_that_has_had_enough_leaves_the_rest_in_doubt(call, entry, doubt, twilio):
    logged = Answer(200, {"messages": [entry("message-ann")], "next_page_uri": None})
    twilio.answers([logged, Answer(429, "")])
    other = replace(doubt, message_id="message-bob", address="+436647654321")
    assert outcomes(call("read_back", [doubt, other])) == [
        ("message-ann", "accepted"),
        ("message-bob", "unknown"),
    ]


def test_a_log_that_answers_about_others_is_not_believed(call, log, entry, doubt):
    log(entry("message-bob") | {"to": "+436640000001"})
    with pytest.raises(TryAgain, match="other messages"):
        call("read_back", [doubt])


@pytest.mark.parametrize(
    "answer",
    [Answer(500, ""), Answer(200, "<html>"), Answer(429, ""), Answer(200, {}), Answer(200, {"messages": 5})],
)
def test_a_log_that_cannot_be_read_decides_nothing(call, twilio, doubt, answer):
    twilio.answers(answer)
    with pytest.raises(TryAgain):
        call("read_back", [doubt])
