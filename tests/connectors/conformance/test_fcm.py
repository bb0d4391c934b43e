"""FCM keeps to what every vendor keeps to, and so does the door before it, where access is granted."""

import json

import pytest

from connectors.push.fcm import FcmSender
from tests.connectors.conformance.push import NO_PARTS, PushConformance, pem
from tests.connectors.conformance.vendor import Answer, CutAfterRequest, Silence


class TestFcm(PushConformance):
    provider = "fcm"
    absent = NO_PARTS
    dead_address = Answer(404, {"error": {"status": "NOT_FOUND", "details": [{"errorCode": "UNREGISTERED"}]}})
    access = Answer(200, {"access_token": "ya29.access", "expires_in": 3599})

    @property
    def secrets(self):
        return (pem("rsa"), "ya29.access")

    def token(self, person):
        return f"{person}:APA91b-{person}"

    def open(self, url, timeout_seconds):
        account = {
            "project_id": "shop",
            "client_email": "push@shop.example",
            "private_key": pem("rsa"),
            "token_uri": f"{url}/token",
        }
        return FcmSender(json.dumps(account), base_url=url, timeout_seconds=timeout_seconds)

    def prepare(self, far, *cases):
        far.answers([self.access, *(getattr(self, case) for case in cases)])

    def keys(self, far):
        return [
            request.json()["message"]["data"]["message_id"]
            for request in far.requests
            if request.path == "/v1/projects/shop/messages:send"
        ]

    def accepted(self, request):
        return Answer(200, {"name": "projects/shop/messages/0:1"})

    @pytest.mark.parametrize("door", [Silence, CutAfterRequest, Answer(500, ""), Answer(200, "<html>")])
    def test_who_got_no_access_has_sent_nothing(self, door):
        with self.far_end().running() as far:
            far.answers(door)
            (played,) = self.send(self.url(far.port), self.envelopes("ann"))
            assert (played.outcomes, self.keys(far)) == (["retry"], [])
