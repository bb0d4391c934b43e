"""SendGrid keeps to what every vendor keeps to."""

from connectors.email.sendgrid import SendGridSender
from tests.connectors.conformance.suite import HttpConformance
from tests.connectors.conformance.vendor import Answer

ABSENT = {
    "failure_inside": "202 has no body",
    **dict.fromkeys(("reordered", "duplicated", "shortened"), "one message per call"),
}


class TestSendGrid(HttpConformance):
    provider = "sendgrid"
    secrets = ("SG.secret-key",)
    absent = ABSENT
    dead_address = Answer(
        400,
        {
            "errors": [
                {
                    "message": "Does not contain a valid address: ann@example.com",
                    "field": "personalizations.0.to.0.email",
                }
            ]
        },
    )

    def open(self, url, timeout_seconds):
        return SendGridSender(
            "SG.secret-key",
            mail_from="Shop <hello@shop.example>",
            base_url=url,
            timeout_seconds=timeout_seconds,
        )

    def accepted(self, request):
        return Answer(202, "", {"X-Message-Id": "14c5d75ce93"})

    def keys_of(self, request):
        return [one["custom_args"]["message_id"] for one in request.json()["personalizations"]]
