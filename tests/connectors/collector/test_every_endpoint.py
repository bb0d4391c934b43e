"""Whatever comes to whichever endpoint: no failure of ours, nothing unescaped, nothing acknowledged is lost.

The endpoints are those of the published document, so a new one is in here from its first day.
"""

import asyncio
import hashlib
import hmac
import json
from collections import Counter
from urllib.parse import quote, urlsplit

from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from connectors.collector.openapi import OPERATIONS
from connectors.collector.sources import SOURCES
from connectors.feedback.providers import PROVIDERS
from tests.connectors.collector.visitor import marketing_link

PURPOSES = ("open", "click", "trap", "view", "unsubscribe", "preferences", "confirm")
TOKENS = [marketing_link(purpose)[3:] for purpose in PURPOSES]
SENDERS = sorted({*SOURCES, *PROVIDERS})
SECRET = b"whsec_c2VjcmV0"
SECRETS = {f"{name.upper()}_WEBHOOK_SECRET": SECRET.decode() for name in SENDERS} | {
    "WHATSAPP_VERIFY_TOKEN": "ours"
}
MARK = "<script>x('\"&</script>"
"""Whoever writes this into a page as it is would also write a script."""

texts = st.text(max_size=20) | st.sampled_from(
    [MARK, f'"{MARK}', "../../etc/passwd", "\x00", "a" * 5000, "-1", ""]
)
NAMES = """
    email product_id variant_id source yes shown save none confirm List-Unsubscribe hub.challenge hub.verify_token
    hub.mode url token userId writeKey batch event messageId properties type data id
"""
names = st.sampled_from(NAMES.split())
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names | texts, inner, max_size=4),
    max_leaves=8,
)
forms = st.dictionaries(names, texts, max_size=4).map(
    lambda fields: "&".join(f"{name}={quote(value)}" for name, value in fields.items()).encode()
)
bodies = st.binary(max_size=60) | jsons.map(lambda value: json.dumps(value).encode()) | forms
HEADERS = """
    authorization accept accept-language accept-encoding cookie user-agent origin referer host x-forwarded-for
    x-forwarded-host x-shopify-topic x-shopify-hmac-sha256 x-signature stripe-signature webhook-id
    webhook-signature webhook-timestamp range if-none-match content-encoding transfer-encoding
"""
KINDS = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "multipart/form-data",
    "text/plain; charset=utf-99",
)
header_values = st.binary(max_size=30).map(
    lambda raw: bytes(byte for byte in raw if byte >= 0x20 and byte != 0x7F)
) | st.sampled_from(
    [MARK.encode(), b"Basic !", b"Basic w6k=", b"Bearer x", b"gzip", b"de;q=x,,,", b"t=1,v1=\xff"]
)
headers = st.dictionaries(st.sampled_from(HEADERS.split()), header_values, max_size=4).flatmap(
    lambda some: st.sampled_from(KINDS).map(lambda kind: {**some, "content-type": kind.encode()})
)
paths = st.sampled_from(sorted({operation.path for operation in OPERATIONS})).flatmap(
    lambda path: st.builds(
        lambda token, sender: path.replace("{token}", quote(token, safe="")).replace(
            "{sender}", quote(sender, safe="")
        ),
        st.sampled_from(TOKENS) | texts,
        st.sampled_from(SENDERS) | texts,
    )
)
calls = st.tuples(
    st.sampled_from(["GET", "POST", "POST", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]),
    paths,
    st.dictionaries(names, texts, max_size=3),
    headers,
    bodies,
)
FEW = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)


def answers(collector, some):
    """The answers, one after the other."""

    async def talk():
        async with collector(secrets=SECRETS) as client:
            return [
                await client.request(
                    method, client.base_url.join(path), params=query, headers=list(more.items()), content=body
                )
                for method, path, query, more, body in some
            ]

    return asyncio.run(talk())


@FEW
@given(some=st.lists(calls, min_size=10, max_size=30))
def test_no_call_makes_an_endpoint_fail_or_say_what_it_was_told(collector, some):
    for answer in answers(collector, some):
        about = (answer.request.method, answer.url.path, answer.status_code)
        kind = answer.headers.get("content-type", "")
        assert answer.status_code < 500, about
        assert MARK not in answer.text or kind.startswith("text/plain"), about
        assert "set-cookie" not in answer.headers, about
        if kind.startswith("text/html"):
            assert "default-src 'none'" in answer.headers["content-security-policy"], about
        if kind.startswith("application/json") and answer.text:
            json.loads(answer.text)
        if "location" in answer.headers:
            assert urlsplit(answer.headers["location"]).netloc == "shop.example", about


def test_no_redirect_goes_to_the_host_that_a_request_names(collector):
    there = [("GET", path + "/", {}, {"host": b"evil.example"}, b"") for path in ("/subscribe", "/c/x")]
    assert [answer.status_code for answer in answers(collector, there)] == [404, 404]


@FEW
@given(some=st.lists(jsons.map(lambda value: json.dumps(value).encode()), min_size=1, max_size=10))
def test_whatever_a_sender_signs_is_taken_and_becomes_events_or_rejects(collector, landed, some):
    before = len(landed())
    posts = [
        (
            "POST",
            "/webhooks/segment",
            {},
            {"x-signature": hmac.new(SECRET, body, hashlib.sha1).hexdigest()},
            body,
        )
        for body in some
    ]
    assert {answer.status_code for answer in answers(collector, posts)} == {200}
    expected = sum(len(call) if isinstance(call := json.loads(body), list) else 1 for body in some)
    assert len(landed()) - before == expected


@FEW
@given(batches=st.lists(st.lists(jsons, max_size=4), min_size=1, max_size=8))
def test_each_event_of_an_acknowledged_batch_is_there_or_was_answered_as_refused(
    collector, key, landed, batches
):
    """Sent all at once, to land in shared groups."""
    known = Counter(record.get("messageId") for record in landed())

    async def talk():
        async with collector() as client:
            return await asyncio.gather(
                *(client.post("/v1/batch", content=json.dumps(call), auth=(key, "")) for call in told)
            )

    told = [
        {"batch": [{"event": "Tick", "userId": "ann", "properties": item, "messageId": f"{number}-{place}"}
            for place, item in enumerate(batch)]}
        for number, batch in enumerate(batches)
    ]  # fmt: skip
    expected = Counter()
    for call, answer in zip(told, asyncio.run(talk()), strict=True):
        assert answer.status_code == 200
        expected.update(item["messageId"] for item in call["batch"])
    assert Counter(record.get("messageId") for record in landed()) - known == expected
