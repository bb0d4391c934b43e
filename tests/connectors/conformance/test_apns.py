"""APNs keeps to what every vendor keeps to, over HTTP/2, and leaves as HTTP/2 servers leave."""

import pytest

from connectors.push.apns import ApnsSender, apns_id
from tests.connectors.conformance.http2 import GoAway, Http2Vendor, RefusedStream, certificate
from tests.connectors.conformance.push import NO_PARTS, PushConformance, everybody, pem
from tests.connectors.conformance.vendor import Answer, CutAnswer


class TestApns(PushConformance):
    provider = "apns"
    absent = NO_PARTS
    dead_address = Answer(410, {"reason": "Unregistered", "timestamp": 1772445600000})
    bad_credentials = Answer(403, {"reason": "InvalidProviderToken"})

    @property
    def secrets(self):
        return (pem("ec"),)

    def far_end(self):
        return Http2Vendor()

    def url(self, port):
        return f"https://127.0.0.1:{port}"

    def token(self, person):
        return person.encode().hex().rjust(64, "0")

    def open(self, url, timeout_seconds):
        _, trust = certificate()
        return ApnsSender(
            pem("ec"),
            "KEY1234567",
            "TEAM123456",
            "example.shop",
            base_url=url,
            tls=trust,
            timeout_seconds=timeout_seconds,
        )

    def accepted(self, request):
        return Answer(200, "", {"apns-id": request.headers["apns-id"]})

    def cut_answer(self, request):
        return CutAnswer(Answer(410, {"reason": "Unregistered"}))

    def keys(self, far):
        ids = {apns_id(f"message-{person}"): f"message-{person}" for person in everybody()}
        return [ids[request.headers["apns-id"]] for request in far.requests]

    @pytest.mark.parametrize("leaving", [GoAway, RefusedStream])
    def test_what_the_server_says_it_did_not_look_at_may_go_again(self, leaving):
        with self.far_end().running() as far:
            far.answers([leaving, self.accepted])
            first, second = self.send(self.url(far.port), self.envelopes("ann"), self.envelopes("ann"))
        assert (first.outcomes, second.outcomes) == (["retry"], ["accepted"])
