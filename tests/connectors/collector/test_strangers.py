"""Whatever strangers send to pages, links, devices and forms: no crash, and a GET changes nothing."""

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.connectors.collector.visitor import ONE_CLICK, everything_in, marketing_link

PURPOSES = ("open", "click", "trap", "view", "unsubscribe", "preferences", "confirm")
FEW = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ANY_PATH = st.one_of(
    st.sampled_from([marketing_link(purpose) for purpose in PURPOSES]),
    st.builds(lambda letter, token: f"/{letter}/{token}", st.sampled_from("ocutpvsdx"), st.text(max_size=40)),
    st.sampled_from(["/subscribe", "/v1/devices", "/v1/back-in-stock", "/notify_me.js"]),
)
FIELDS = st.sampled_from([*ONE_CLICK, "yes", "none", "save", "shown", "confirm", "email", "product_id"])
VALUES = st.one_of(
    st.text(max_size=20), st.sampled_from(["yes", "email:marketing", "ann@example.com", "One-Click"])
)
CONTENT_TYPES = (
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "x",
)


def answers(collector, calls):
    """The answers to (method, path, keywords of httpx) in one run of the collector."""

    async def talk():
        async with collector() as client:
            return [
                await client.request(method, client.base_url.join(path), **more)
                for method, path, more in calls
            ]

    return asyncio.run(talk())


@FEW
@given(looks=st.lists(st.tuples(ANY_PATH, st.dictionaries(FIELDS, VALUES)), min_size=5, max_size=15))
def test_no_get_changes_the_store_or_crashes(collector, store, agree, looks):
    agree("ann")
    before = everything_in(store)
    told = answers(collector, [("GET", _quoted(path), {"params": query}) for path, query in looks])
    assert [answer.status_code for answer in told if answer.status_code >= 500] == []
    assert everything_in(store) == before


@FEW
@given(
    posts=st.lists(
        st.tuples(ANY_PATH, st.binary(max_size=80), st.sampled_from(CONTENT_TYPES)), min_size=5, max_size=15
    )
)
def test_no_body_crashes_a_form(collector, posts):
    told = answers(
        collector,
        [
            ("POST", _quoted(path), {"content": body, "headers": {"Content-Type": kind}})
            for path, body, kind in posts
        ],
    )
    assert [(answer.url.path, answer.text) for answer in told if answer.status_code >= 500] == []


def _quoted(path):
    """As a client would have to write it."""
    return "".join(
        char if char.isascii() and (char.isalnum() or char in "/._-") else _percent(char) for char in path
    )


def _percent(char):
    return "".join(f"%{byte:02X}" for byte in char.encode(errors="replace"))
