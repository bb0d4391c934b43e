"""WhatsApp: what leaves is an approved template, and Meta's codes mean what they say."""

import asyncio

import pytest

from connectors.chat.twilio_whatsapp import variables
from connectors.chat.whatsapp import WhatsAppSender, template_message
from connectors.content import open_renderer
from connectors.errors import Rejected, StopSync, TryAgain
from connectors.model import Content, Envelope
from tests.connectors.conformance.vendor import Answer, Vendor

APPROVED = {
    "template": "cart_nudge",
    "language": "de",
    "content_sid": "HX1",
    "parameters": ["Ann", "33,80 €"],
}
RICH = Content(
    "Hallo", url="https://shop.example/c/token", image="https://shop.example/images/P103.jpg", data=APPROVED
)


@pytest.fixture
def envelope(message, now):
    def build(content=RICH, address="+436641234567"):
        return Envelope(message(channel="whatsapp", address=address), content, now)

    return build


@pytest.fixture
def answered(envelope):
    """`answered(answer)`: the receipt of a message to which Meta answers so."""

    def run(answer):
        async def once(url):
            sender = WhatsAppSender("token", "1065", base_url=url)
            try:
                return (await sender.send([envelope()]))[0]
            finally:
                await sender.close()

        with Vendor().running() as vendor:
            vendor.answers(answer)
            return asyncio.run(once(vendor.url))

    return run


def refusal(code, status=400):
    return Answer(status, {"error": {"code": code, "type": "OAuthException", "message": "…"}})


def test_a_template_leaves_with_its_picture_its_parameters_and_its_button(envelope):
    assert template_message(envelope()) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": "+436641234567",
        "type": "template",
        "template": {
            "name": "cart_nudge",
            "language": {"code": "de"},
            "components": [
                {
                    "type": "header",
                    "parameters": [
                        {"type": "image", "image": {"link": "https://shop.example/images/P103.jpg"}}
                    ],
                },
                {
                    "type": "body",
                    "parameters": [{"type": "text", "text": "Ann"}, {"type": "text", "text": "33,80 €"}],
                },
                {
                    "type": "button",
                    "sub_type": "url",
                    "index": "0",
                    "parameters": [{"type": "text", "text": "token"}],
                },
            ],
        },
        "biz_opaque_callback_data": "message-ann",
    }


def test_a_template_without_anything_that_varies_says_so(envelope):
    plain = Content("Hallo", data=APPROVED | {"parameters": []})
    assert template_message(envelope(plain))["template"]["components"] == []


def test_twilio_gets_the_same_in_numbers():
    assert variables(RICH) == {
        "1": "Ann",
        "2": "33,80 €",
        "3": "token",
        "4": "https://shop.example/images/P103.jpg",
    }


def test_the_shipped_template_is_one_that_leaves(envelope):
    content = open_renderer("secret", "https://shop.example").preview("whatsapp/cart_nudge")
    body = template_message(envelope(content))["template"]
    assert (body["name"], body["language"]) == ("cart_nudge", {"code": "en"})
    assert [part["type"] for part in body["components"]] == ["body", "button"]


@pytest.mark.parametrize(("content", "address"), [(Content("Hi"), "+436641234567"), (RICH, "0664 1234567")])
def test_what_whatsapp_would_refuse_does_not_leave(envelope, content, address):
    with pytest.raises(Rejected):
        template_message(envelope(content, address))


@pytest.mark.parametrize(
    ("code", "suppress"), [(131026, None), (131047, None), (131050, "stop"), (132000, None), (131049, None)]
)
def test_a_refusal_is_final_and_only_a_word_of_the_person_closes_the_number(answered, code, suppress):
    receipt = answered(refusal(code))
    assert (receipt.outcome, receipt.reason, receipt.suppress) == ("rejected", f"whatsapp {code}", suppress)


@pytest.mark.parametrize("code", [4, 80007, 130429, 131048, 131056])
def test_a_limit_asks_to_come_again(answered, code):
    with pytest.raises(TryAgain, match=f"whatsapp {code}"):
        answered(refusal(code))


@pytest.mark.parametrize(("code", "status"), [(0, 401), (190, 401), (200, 403), (368, 400), (131031, 403)])
def test_what_only_a_person_can_mend_stops_everything(answered, code, status):
    with pytest.raises(StopSync, match=f"whatsapp {code}"):
        answered(refusal(code, status))


@pytest.mark.parametrize("answer", [refusal(131000, 500), refusal(1, 500), Answer(200, {"messages": []})])
def test_an_answer_that_says_neither_leaves_a_doubt(answered, answer):
    assert answered(answer).outcome == "unknown"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        ("accepted", "accepted"),
        ("held_for_quality_assessment", "accepted"),
        ("paused", "rejected"),
        (None, "accepted"),
    ],
)
def test_what_meta_holds_back_is_metas_to_send(answered, status, outcome):
    receipt = answered(Answer(200, {"messages": [{"id": "wamid.1", "message_status": status}]}))
    assert (receipt.outcome, receipt.provider_message_id) == (outcome, "wamid.1")
