"""What we post to SendGrid and Postmark fits the API descriptions that they publish, byte for byte."""

import asyncio
import json
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from connectors.email.postmark import PostmarkSender
from connectors.email.sendgrid import SendGridSender
from connectors.model import Content, Envelope
from tests.connectors.conformance.vendor import Answer, Vendor
from tests.connectors.prism import start_prism

FROM = "Millrace Shop <hello@shop.example>"
FULL = Content(
    text="Hello",
    subject="Größe",
    html="<p>Hello</p>",
    unsubscribe_url="https://shop.example/u/1",
)
PLAIN = Content(text="Hello", subject="Hello")


@pytest.fixture(scope="module")
def sendgrid(tmp_path_factory):
    with start_prism("sendgrid.com.json.gz", tmp_path_factory.mktemp("sendgrid")) as url:
        yield url


@pytest.fixture(scope="module")
def postmark(tmp_path_factory):
    with start_prism("postmark_server.json", tmp_path_factory.mktemp("postmark")) as url:
        yield url


@pytest.fixture
def posted(message, now):
    """`posted(open_sender, content, …)`: the request that a sender makes of messages with these contents."""

    def catch(open_sender, answer, *contents):
        async def run(url):
            sender = open_sender(url)
            people = ("ann", "bob")[: len(contents)]
            await sender.send(
                [
                    Envelope(message(person), content, now)
                    for person, content in zip(people, contents, strict=True)
                ]
            )
            await sender.close()

        with Vendor().running() as vendor:
            vendor.answers(answer)
            asyncio.run(run(vendor.url))
            (request,) = vendor.requests
        return request

    return catch


KEPT_HEADERS = ("authorization", "content-type", "accept", "x-postmark-server-token")


def status(url, body, headers):
    """What the description says to this body."""
    kept = {name: value for name, value in headers.items() if name in KEPT_HEADERS}
    try:
        with urlopen(Request(url, data=body, headers=kept, method="POST"), timeout=30) as answer:
            return answer.status
    except HTTPError as error:
        return error.code


@pytest.mark.parametrize("content", [FULL, PLAIN], ids=["full", "plain"])
def test_a_call_of_sendgrid_fits_its_description(sendgrid, posted, content):
    request = posted(lambda url: SendGridSender("key", mail_from=FROM, base_url=url), Answer(202), content)
    assert request.path == "/v3/mail/send"
    assert status(f"{sendgrid}/mail/send", request.body, request.headers) == 202


SENDGRID_FAULTS = {
    "an address that is no text": lambda body: body["personalizations"][0]["to"][0].update(email=5),
    "no subject": lambda body: body.pop("subject"),
    "an empty text": lambda body: body["content"][0].update(value=""),
    "the same category twice": lambda body: body.update(categories=["a", "a"]),
}


@pytest.mark.parametrize("fault", SENDGRID_FAULTS)
def test_sendgrids_description_refuses(sendgrid, posted, fault):
    request = posted(lambda url: SendGridSender("key", mail_from=FROM, base_url=url), Answer(202), FULL)
    body = request.json()
    SENDGRID_FAULTS[fault](body)
    assert status(f"{sendgrid}/mail/send", json.dumps(body).encode(), request.headers) in (400, 422)


def test_a_call_of_postmark_fits_its_description(postmark, posted):
    request = posted(
        lambda url: PostmarkSender("token", mail_from=FROM, base_url=url), Answer(200, []), FULL, PLAIN
    )
    assert status(f"{postmark}{request.path}", request.body, request.headers) == 200


POSTMARK_FAULTS = {
    "a recipient that is no text": lambda body: body[0].update(To=["ann@example.com"]),
    "a word for link tracking that it does not know": lambda body: body[0].update(TrackLinks="Never"),
    "headers that are no list of them": lambda body: body[0].update(Headers={"Feedback-ID": "a"}),
}


@pytest.mark.parametrize("fault", POSTMARK_FAULTS)
def test_postmarks_description_refuses(postmark, posted, fault):
    request = posted(
        lambda url: PostmarkSender("token", mail_from=FROM, base_url=url), Answer(200, []), FULL, PLAIN
    )
    body = request.json()
    POSTMARK_FAULTS[fault](body)
    assert status(f"{postmark}{request.path}", json.dumps(body).encode(), request.headers) in (400, 422)


def test_postmark_wants_its_token(postmark, posted):
    request = posted(lambda url: PostmarkSender("token", mail_from=FROM, base_url=url), Answer(200, []), FULL)
    headers = {name: value for name, value in request.headers.items() if name != "x-postmark-server-token"}
    assert status(f"{postmark}{request.path}", request.body, headers) in (400, 401, 422)
