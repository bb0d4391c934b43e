"""WhatsApp's Cloud API keeps to what every vendor keeps to."""

from dataclasses import replace
from types import MappingProxyType

from connectors.chat.whatsapp import WhatsAppSender
from tests.connectors.conformance.suite import HttpConformance
from tests.connectors.conformance.vendor import Answer

ABSENT = MappingProxyType(dict.fromkeys(("reordered", "duplicated", "shortened"), "one message per call"))
APPROVED = {"template": "cart_nudge", "language": "en", "content_sid": None, "parameters": ["Ann"]}


class TestWhatsApp(HttpConformance):
    provider = "whatsapp"
    secrets = ("EAAG-secret",)
    absent = ABSENT
    # Codes, with a status that says something else, and words that quote the number.
    bad_credentials = Answer(400, {"error": {"code": 190, "message": "token of +43664111 has expired"}})
    busy = Answer(400, {"error": {"code": 131056, "message": "pair rate limit"}}, {"Retry-After": "7"})
    dead_address = Answer(400, {"error": {"code": 131026, "message": "+436641110001 is undeliverable"}})
    refused_content = Answer(404, {"error": {"code": 132001, "message": "no such template"}})
    failure_inside = Answer(200, {"messages": [{"id": "wamid.1", "message_status": "paused"}]})

    def changes(self, person):
        number = sum(person.encode())
        return {"channel": "whatsapp", "address": f"+43664111{number:04}", "template": "whatsapp/cart_nudge"}

    def open(self, url, timeout_seconds):
        return WhatsAppSender("EAAG-secret", "106540352242922", base_url=url, timeout_seconds=timeout_seconds)

    def envelopes(self, *people):
        return [
            replace(envelope, content=replace(envelope.content, data=APPROVED))
            for envelope in super().envelopes(*people)
        ]

    def accepted(self, request):
        (key,) = self.keys_of(request)
        taken = {"id": f"wamid.{key}", "message_status": "accepted"}
        return Answer(200, {"messaging_product": "whatsapp", "messages": [taken]})

    def keys_of(self, request):
        assert request.path == "/106540352242922/messages"
        return [request.json()["biz_opaque_callback_data"]]
