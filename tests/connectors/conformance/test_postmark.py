"""Postmark keeps to what every vendor keeps to, with its outcomes inside one answer."""

from connectors.email.postmark import PostmarkSender
from tests.connectors.conformance.suite import HttpConformance
from tests.connectors.conformance.vendor import Answer


def taken(message):
    name = f"name-of-{message['Metadata']['message_id']}"
    return {"ErrorCode": 0, "Message": "OK", "To": message["To"], "MessageID": name}


def inactive(message):
    return {"ErrorCode": 406, "Message": f"Found inactive addresses: {message['To']}."}


class TestPostmark(HttpConformance):
    provider = "postmark"
    secrets = ("server-token-1",)
    suppresses = "hard_bounced"
    bad_credentials = Answer(401, {"ErrorCode": 10, "Message": "Bad or missing API token"})
    refused_content = Answer(422, {"ErrorCode": 300, "Message": "Invalid 'To' address: 'ann@example.com'."})

    def open(self, url, timeout_seconds):
        return PostmarkSender(
            "server-token-1",
            mail_from="Shop <hello@shop.example>",
            base_url=url,
            timeout_seconds=timeout_seconds,
        )

    def accepted(self, request):
        return Answer(200, [taken(message) for message in request.json()])

    def failure_inside(self, request):
        first, *others = request.json()
        return Answer(200, [inactive(first), *map(taken, others)])

    def dead_address(self, request):
        return Answer(200, [inactive(message) for message in request.json()])

    def reordered(self, request):
        return Answer(200, [taken(message) for message in reversed(request.json())])

    def duplicated(self, request):
        return Answer(200, [taken(message) for message in request.json() * 2])

    def shortened(self, request):
        return Answer(200, [taken(message) for message in request.json()[1:]])

    def keys_of(self, request):
        return [message["Metadata"]["message_id"] for message in request.json()]
