"""Amazon SES keeps to what every vendor keeps to: real boto3, against a far end that misbehaves."""

import base64
from email import message_from_bytes
from email.policy import strict

from connectors.email.ses import SesSender
from tests.connectors.conformance.suite import HttpConformance
from tests.connectors.conformance.vendor import Answer

ABSENT = {
    "failure_inside": "one message per call",
    **dict.fromkeys(("reordered", "duplicated", "shortened"), "one message per call"),
}


def error(status, kind, headers=()):
    quoting = {"message": "Email address is not verified: ann@example.com"}
    return Answer(status, quoting, {"x-amzn-ErrorType": kind, **dict(headers)})


class TestSes(HttpConformance):
    provider = "ses"
    secrets = ("AKIDEXAMPLE1", "wJalrXUtnFEMI")
    absent = ABSENT
    busy = error(429, "TooManyRequestsException", {"Retry-After": "7"})
    bad_credentials = error(403, "UnrecognizedClientException")
    dead_address = error(400, "MessageRejected")
    refused_content = error(400, "BadRequestException")
    broken = error(500, "InternalFailure")

    def open(self, url, timeout_seconds):
        return SesSender(
            "eu-central-1",
            mail_from="Shop <hello@shop.example>",
            access_key_id="AKIDEXAMPLE1",
            secret_access_key="wJalrXUtnFEMI",
            base_url=url,
            timeout_seconds=timeout_seconds,
        )

    def accepted(self, request):
        return Answer(200, {"MessageId": "0100017a"})

    def keys_of(self, request):
        call = request.json()
        mail = message_from_bytes(base64.b64decode(call["Content"]["Raw"]["Data"]), policy=strict)
        tags = {tag["Name"]: tag["Value"] for tag in call["EmailTags"]}
        assert mail["X-Millrace-Message-Id"] == tags["message_id"]
        return [tags["message_id"]]
