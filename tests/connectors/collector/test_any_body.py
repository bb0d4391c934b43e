"""Whatever strangers send: never a failure of ours, and what was acknowledged can be loaded."""

import json
from datetime import timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from connectors.collector.calls import items_of, read_json, receive
from connectors.collector.dependencies import Options
from connectors.collector.keys import WriteKey
from connectors.collector.sources import SOURCES
from connectors.events import Event, Reject, parse_json
from connectors.feedback.model import NotAuthentic, Post

OPTIONS = Options(public_url="https://events.example", max_event_age=timedelta(days=36_500))
HASHING = Options(public_url="https://events.example", hashes_pii=True, pii_secret="pepper")

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12)
WORDS = """
    type event userId messageId timestamp sentAt originalTimestamp context traits properties email channel library
    name address _refused products price data object id created customer line_items variants updated_at total_price
"""
words = st.sampled_from(WORDS.split())
values = st.sampled_from(
    ["track", "identify", "Order Completed", "2026-03-02T09:59:00Z", "0001-01-01T00:00:00+14:00"]
)
trees = st.recursive(
    scalars | values,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(words | st.text(max_size=5), inner, max_size=6)
    ),
    max_leaves=12,
)
objects = st.dictionaries(words, trees, max_size=8)
FEW = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@FEW
@given(items=st.lists(objects | trees, max_size=4), shared=objects)
@pytest.mark.parametrize("options", [OPTIONS, HASHING], ids=["plain", "hashing"])
def test_every_item_of_any_batch_becomes_one_line_that_loads_as_what_was_answered(
    now, options, items, shared
):
    body = json.dumps({**shared, "batch": items}).encode()
    key = WriteKey("k1", "shop", is_public=False, created_at=now)
    received = receive(items_of(read_json(body), "batch"), key, options, now)
    loaded = [parse_json(line) for line in received.lines.splitlines()]
    refused = {each.index for each in received.refused}
    assert [isinstance(each, Reject) for each in loaded] == [place in refused for place in range(len(items))]
    assert all(each.source == "shop" for each in loaded if isinstance(each, Event))


@FEW
@given(body=st.binary(max_size=60) | trees.map(lambda tree: json.dumps(tree).encode()))
def test_any_bytes_are_an_object_or_a_bad_request(body):
    try:
        read = read_json(body)
    except HTTPException as error:
        read = error.status_code
    assert read == 400 or isinstance(read, dict)


@FEW
@given(
    body=objects,
    topic=st.sampled_from(["orders/create", "customers/update", "products/update", "refunds/create"]),
)
@pytest.mark.parametrize("name", SOURCES)
def test_a_source_makes_events_or_rejects_of_any_body_and_believes_no_made_up_signature(
    now, name, body, topic
):
    headers = {
        "X-Shopify-Topic": topic,
        "webhook-id": "w1",
        "Stripe-Signature": "t=1,v1=é",
        "webhook-timestamp": "x",
    }
    post = Post(json.dumps(body).encode(), now, headers)
    assert all(isinstance(each, dict | Reject) for each in SOURCES[name].records(post))
    with pytest.raises(NotAuthentic):
        SOURCES[name].verify(post, "whsec_AAAA")
