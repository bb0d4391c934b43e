"""What we post to Twilio fits the API description that Twilio publishes, byte for byte."""

import asyncio
from datetime import timedelta
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode
from urllib.request import Request, urlopen

import pytest

from connectors.chat.twilio_whatsapp import TwilioWhatsAppSender
from connectors.errors import TryAgain
from connectors.model import Content, Doubt, Envelope
from connectors.sms.twilio import TwilioSmsSender
from tests.connectors.conformance.vendor import Answer, Vendor
from tests.connectors.prism import start_prism

ACCOUNT, SERVICE = "AC" + "a" * 32, "MG" + "b" * 32
PATIENCE = 120
"""Seconds: Prism compiles a description of 2 MB on the first call."""

CALLBACK = "https://shop.example/feedback/twilio"
APPROVED = {"template": "hello", "language": "en", "content_sid": "HX" + "c" * 32, "parameters": ["Ann"]}
SMS = Content("Grüße. Reply STOP to end.")
MMS = Content("Look", image="https://shop.example/images/P103.jpg")
WHATSAPP = Content("Hello", url="https://shop.example/c/token", data=APPROVED)


@pytest.fixture(scope="module")
def twilio(tmp_path_factory):
    with start_prism("twilio_api_v2010.json.gz", tmp_path_factory.mktemp("twilio")) as url:
        yield url


def open_sms(url):
    return TwilioSmsSender(
        ACCOUNT,
        "token",
        messaging_service_sid=SERVICE,
        status_callback=CALLBACK,
        base_url=url,
        timeout_seconds=PATIENCE,
    )


def open_whatsapp(url):
    return TwilioWhatsAppSender(
        ACCOUNT,
        "token",
        sender="+15017122661",
        status_callback=CALLBACK,
        base_url=url,
        timeout_seconds=PATIENCE,
    )


def call(open_sender, url, what, items):
    async def run():
        sender = open_sender(url)
        try:
            return await getattr(sender, what)(items)
        finally:
            await sender.close()

    return asyncio.run(run())


@pytest.fixture
def envelope(message, now):
    def build(content):
        sms = message(address="+436641234567", channel="sms", expires_at=now + timedelta(hours=3))
        return Envelope(sms, content, now)

    return build


def status(url, request, form):
    """What the description says to this form."""
    kept = {name: request.headers[name] for name in ("authorization", "content-type")}
    body = urlencode(form, doseq=True).encode()
    try:
        with urlopen(
            Request(f"{url}{request.path}", data=body, headers=kept, method="POST"), timeout=PATIENCE
        ) as answer:
            return answer.status
    except HTTPError as error:
        return error.code


@pytest.mark.parametrize(
    ("open_sender", "content"),
    [(open_sms, SMS), (open_whatsapp, WHATSAPP)],
    ids=["SMS", "WhatsApp"],
)
def test_a_call_of_ours_fits_the_description(twilio, envelope, open_sender, content):
    (receipt,) = call(open_sender, twilio, "send", [envelope(content)])
    assert receipt.provider_message_id.startswith(("SM", "MM"))


def test_a_question_of_ours_fits_the_description(twilio, now):
    doubt = Doubt("message-ann", "+436641234567", now)
    # The description's example, which Prism answers with, is about other numbers; a refusal would say 422.
    with pytest.raises(TryAgain, match="it answers with other messages"):
        call(open_sms, twilio, "read_back", [doubt])


@pytest.fixture
def posted(envelope):
    """The request that a content becomes, and its form."""

    def catch(content):
        with Vendor().running() as vendor:
            vendor.answers(Answer(201, {"sid": "SM1", "status": "queued"}))
            call(open_sms, vendor.url, "send", [envelope(content)])
            (request,) = vendor.requests
        return request, parse_qs(request.body.decode())

    return catch


def test_an_mms_fits_the_description_too(twilio, posted):
    request, form = posted(MMS)
    # Prism takes every field of a form for a text, and a list is described: the picture is checked apart.
    assert form.pop("MediaUrl") == ["https://shop.example/images/P103.jpg"]
    assert status(twilio, request, form) == 201


FAULTS = {
    "no recipient": lambda form: form.pop("To"),
    "a Messaging Service that is none": lambda form: form.update(MessagingServiceSid=["MG1"]),
    "a validity in words": lambda form: form.update(ValidityPeriod=["soon"]),
    "a callback without a host": lambda form: form.update(StatusCallback=["not an address"]),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_the_description_refuses(twilio, posted, fault):
    request, form = posted(SMS)
    FAULTS[fault](form)
    assert status(twilio, request, form) in (400, 422)
