"""Before they report, SNS and Meta want to know whether the address is ours."""

import json
from urllib.error import HTTPError, URLError

import pytest
from starlette.exceptions import HTTPException

from connectors.collector import handshakes
from connectors.feedback.model import Post

URL = "https://sns.eu-central-1.amazonaws.com/?Action=ConfirmSubscription&Token=t"
TOPIC = "arn:aws:sns:eu-central-1:1:mails"
CONFIRMATION = {"Type": "SubscriptionConfirmation", "MessageId": "m", "TopicArn": TOPIC, "SubscribeURL": URL}


@pytest.fixture
def amazon(monkeypatch):
    """What is visited there; `amazon.fails_with = OSError(…)` lets it fail. Signatures have tests of their own."""

    class Amazon:
        fails_with = None

        def open(self, url, timeout):
            self.visited.append(url)
            if self.fails_with:
                raise self.fails_with
            return self

        def read(self, size):
            return b""

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

    there = Amazon()
    there.visited = []
    monkeypatch.setattr(handshakes, "_opener", there)
    return there


def confirm(now, **changes):
    return handshakes.confirm_subscription(Post(json.dumps(CONFIRMATION | changes).encode(), now, {}))


def test_a_request_to_confirm_is_visited_once(amazon, now):
    assert confirm(now)
    assert amazon.visited == [URL]


@pytest.mark.parametrize(
    "changes",
    [
        {"Type": "Notification"},
        {"Type": "UnsubscribeConfirmation"},
        {"SubscribeURL": "https://evil.example/"},
        {"SubscribeURL": "http://169.254.169.254/latest/meta-data"},
    ],
)
def test_nothing_else_is_visited(amazon, now, changes):
    assert not confirm(now, **changes)
    assert amazon.visited == []


@pytest.mark.parametrize(
    "failure", [URLError("down"), HTTPError(URL, 302, "a redirect", {}, None), TimeoutError()]
)
def test_while_amazon_cannot_be_reached_sns_is_told_to_come_back(amazon, now, failure):
    amazon.fails_with = failure
    with pytest.raises(HTTPException) as refused:
        confirm(now)
    assert (refused.value.status_code, refused.value.headers) == (503, {"Retry-After": "30"})


def test_the_visit_follows_no_redirect():
    handled = {type(handler).__name__ for handler in handshakes._new_opener().handlers}
    assert "HTTPRedirectHandler" not in handled


def ask(visit, **changes):
    question = {"hub.mode": "subscribe", "hub.verify_token": "ours", "hub.challenge": "1158201444"}
    answer = visit(
        "get",
        "/webhooks/whatsapp",
        params=question | changes,
        options={"secrets": {"WHATSAPP_VERIFY_TOKEN": "ours"}},
    )
    return answer.status_code, answer.text, answer.headers["content-type"]


def test_metas_challenge_is_echoed_to_whoever_knows_our_token(visit):
    assert ask(visit) == (200, "1158201444", "text/plain; charset=utf-8")


@pytest.mark.parametrize("token", ["", "Ours", "ours ", "öurs"])
def test_a_wrong_token_learns_nothing(visit, token):
    assert ask(visit, **{"hub.verify_token": token})[0] == 404


@pytest.mark.parametrize("challenge", ["", "<script>", "a b", "1" * 257])
def test_nothing_but_a_word_is_echoed(visit, challenge):
    status, text, _ = ask(visit, **{"hub.challenge": challenge})
    assert status == 400
    assert "<" not in text


def test_another_mode_is_refused(visit):
    assert ask(visit, **{"hub.mode": "unsubscribe"})[0] == 400
