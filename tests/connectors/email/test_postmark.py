"""Postmark: what its calls say, how its answers are placed, and what its message search is asked."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.delivery.sender import ReadsBack
from connectors.email.postmark import PostmarkSender
from connectors.email.postmark_answer import place
from connectors.errors import StopSync, TryAgain
from connectors.model import Content, Doubt, Envelope, Receipt
from tests.connectors.conformance.vendor import Answer, Silence, Vendor

FROM = "Millrace Shop <hello@shop.example>"
CONTENT = Content("Hello", subject="Hi", html="<p>Hello</p>", unsubscribe_url="https://shop.example/u/1")


def run_with(answer, use):
    async def run(url):
        sender = PostmarkSender("token", mail_from=FROM, base_url=url, timeout_seconds=1)
        try:
            return await use(sender)
        finally:
            await sender.close()

    with Vendor().running() as vendor:
        vendor.answers(answer)
        return asyncio.run(run(vendor.url)), vendor.requests


@pytest.fixture
def envelopes(message, now):
    def build(*people, **changes):
        return [Envelope(message(person, **changes), CONTENT, now) for person in people]

    return build


def taken(address, name="m-1"):
    return {"ErrorCode": 0, "Message": "OK", "To": address, "MessageID": name}


def refused(code):
    return {"ErrorCode": code, "Message": "for ann@example.com"}


def test_a_message_goes_to_the_stream_of_its_class_with_nothing_of_postmarks_own_tracking(envelopes):
    batch = envelopes("ann") + envelopes("bob", message_class="transactional")
    _, (request,) = run_with(Answer(200, []), lambda sender: sender.send(batch))
    ann, bob = request.json()
    assert ann == {
        "From": "Millrace Shop <hello@shop.example>",
        "To": "ann@example.com",
        "Subject": "Hi",
        "TextBody": "Hello",
        "HtmlBody": "<p>Hello</p>",
        "Headers": [
            {"Name": "Message-ID", "Value": "<message-ann@shop.example>"},
            {"Name": "X-Millrace-Message-Id", "Value": "message-ann"},
            {"Name": "Feedback-ID", "Value": "flow_cart_recovery:reminder:marketing:millrace"},
            {"Name": "List-Unsubscribe", "Value": "<https://shop.example/u/1>"},
            {"Name": "List-Unsubscribe-Post", "Value": "List-Unsubscribe=One-Click"},
            {"Name": "X-PM-KeepID", "Value": "true"},
        ],
        "Metadata": {"message_id": "message-ann"},
        "MessageStream": "broadcast",
        "Tag": "flow_cart_recovery",
        "TrackOpens": False,
        "TrackLinks": "None",
    }
    assert bob["MessageStream"] == "outbound"


def test_what_is_no_address_stays_at_home_and_harms_no_other(envelopes):
    batch = [*envelopes("ann", address="ann"), *envelopes("bob")]
    receipts, (request,) = run_with(
        Answer(200, [taken("bob@example.com")]), lambda sender: sender.send(batch)
    )
    assert receipts == [
        Receipt("message-ann", "rejected", "postmark", reason="not_an_address"),
        Receipt("message-bob", "accepted", "postmark", "m-1"),
    ]
    assert len(request.json()) == 1


CODES = {
    300: ("rejected", None),
    406: ("rejected", "hard_bounced"),
    411: ("rejected", None),
    429: ("retry", None),
    405: ("retry", None),
    1235: ("retry", None),
}


@pytest.mark.parametrize("code", CODES)
def test_a_code_inside_the_answer_decides_about_its_message_alone(envelopes, code):
    answer = Answer(200, [refused(code), taken("bob@example.com")])
    (ann, bob), _ = run_with(answer, lambda sender: sender.send(envelopes("ann", "bob")))
    assert ((ann.outcome, ann.suppress), ann.reason) == (CODES[code], f"postmark {code}")
    assert bob.outcome == "accepted"


@pytest.mark.parametrize(
    "answer", [Answer(200, [refused(405)] * 2), Answer(422, refused(405)), Answer(422, refused(1235))]
)
def test_a_code_about_the_account_stops_everything(envelopes, answer):
    with pytest.raises(StopSync, match="MILLRACE_POSTMARK"):
        run_with(answer, lambda sender: sender.send(envelopes("ann", "bob")))


@pytest.mark.parametrize("answer", [Answer(200, [refused(100)] * 2), Answer(422, refused(100))])
def test_maintenance_means_later(envelopes, answer):
    with pytest.raises(TryAgain, match="postmark 100"):
        run_with(answer, lambda sender: sender.send(envelopes("ann", "bob")))


PEOPLE = ["ann@example.com", "bob@example.com", "cid@example.com"]


@given(
    st.lists(st.sampled_from(PEOPLE), max_size=5),
    st.lists(st.sampled_from([*PEOPLE, "eve@example.com"]), max_size=6),
)
def test_no_acceptance_is_ever_given_to_somebody_else(recipients, named):
    placed = place(recipients, [taken(name, f"to {name}") for name in named])
    assert len(placed) == len(recipients)
    for address, item in zip(recipients, placed, strict=True):
        assert item is None or item["MessageID"] == f"to {address}"


def test_a_failure_that_names_nobody_is_only_believed_in_its_place():
    ann, bob = PEOPLE[:2]
    assert place([ann, bob], [refused(406), taken(bob)]) == [refused(406), taken(bob)]
    assert place([ann, bob], [taken(bob), refused(406)]) == [None, taken(bob)]


@pytest.fixture
def doubt(now):
    return Doubt("message-ann", "ann@example.com", now)


def found(message_id):
    return {
        "TotalCount": 1,
        "Messages": [{"MessageID": "m-1", "Metadata": {"message_id": message_id}, "Status": "Sent"}],
    }


def read_back(answer, doubt):
    async def ask(sender):
        assert isinstance(sender, ReadsBack)
        return await sender.read_back([doubt])

    return run_with(answer, ask)


NOTHING = {"TotalCount": 0, "Messages": []}


def test_a_message_that_the_search_finds_in_either_stream_was_accepted(doubt):
    receipts, requests = read_back([Answer(200, NOTHING), Answer(200, found("message-ann"))], doubt)
    assert receipts == [Receipt("message-ann", "accepted", "postmark", "m-1")]
    assert [(request.path, request.query) for request in requests] == [
        (
            "/messages/outbound",
            {"count": "1", "offset": "0", "metadata_message_id": "message-ann", "messagestream": stream},
        )
        for stream in ("broadcast", "outbound")
    ]


def test_a_message_that_the_search_does_not_find_has_no_receipt(doubt):
    assert read_back(Answer(200, NOTHING), doubt)[0] == []


@pytest.mark.parametrize(
    "answer",
    [
        Answer(429),
        Answer(500),
        Silence,
        Answer(200, "<html>"),
        Answer(200, []),
        Answer(200, found("message-eve")),
    ],
    ids=["busy", "broken", "silent", "unreadable", "no list", "somebody else's"],
)
def test_a_search_that_could_not_be_made_says_nothing(doubt, answer):
    with pytest.raises(TryAgain):
        read_back(answer, doubt)
