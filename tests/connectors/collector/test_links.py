"""Opens and clicks: signed, led nowhere else, machines told from people."""

import asyncio
from datetime import timedelta
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.collector.links import may_lead_to
from connectors.collector.machines import Trapped, machine_signal
from connectors.collector.segments import SegmentFiles
from tests.connectors.collector.visitor import marketing_link

IPHONE = {
    "User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 Mobile/15E148"
}
APPLE_PROXY = {"User-Agent": "Mozilla/5.0"}
GMAIL = {
    "User-Agent": "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
}
SCANNER = {"User-Agent": "Mozilla/5.0 (compatible; Barracuda Sentinel)"}


@pytest.fixture
def heard(landed):
    """Name, message, target, whether a machine's and why, of each event in landing."""

    def read():
        names = ("message_id", "url", "is_machine", "reason")
        return [(event["event"], *(event["properties"].get(name) for name in names)) for event in landed()]

    return read


def test_an_open_gives_a_picture_and_one_event(visit, heard, sent):
    sent("ann")
    answer = visit("get", marketing_link("open"), headers=IPHONE)
    assert (answer.status_code, answer.headers["content-type"], answer.content[:6]) == (
        200,
        "image/gif",
        b"GIF89a",
    )
    assert answer.headers["cache-control"] == "no-store, private"
    assert heard() == [("Email Opened", "message-ann", None, None, None)]


def test_a_click_leads_where_the_message_said(visit, heard, sent):
    sent("ann")
    answer = visit("get", marketing_link("click"), headers=IPHONE)
    assert (answer.status_code, answer.headers["location"]) == (302, "https://shop.example/p/1")
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert heard() == [("Email Link Clicked", "message-ann", "https://shop.example/p/1", None, None)]


def test_a_push_leads_into_the_app(visit, heard):
    link = marketing_link("click", channel="push", url="millrace://product/1")
    assert visit("get", link, headers=IPHONE).headers["location"] == "millrace://product/1"
    assert heard() == [("Push Notification Clicked", "message-ann", "millrace://product/1", None, None)]


@pytest.mark.parametrize(
    ("method", "headers", "ago", "reason"),
    [
        ("get", IPHONE, 3600, None),
        ("get", GMAIL, 3600, None),
        ("get", GMAIL, 2, "too_soon"),
        ("get", IPHONE, 2, "too_soon"),
        ("get", APPLE_PROXY, 3600, "privacy_proxy"),
        ("get", SCANNER, 3600, "scanner"),
        ("get", {"User-Agent": ""}, 3600, "no_agent"),
        ("head", IPHONE, 3600, "head"),
    ],
)
def test_machines_are_flagged_and_still_kept(visit, heard, sent, now, method, headers, ago, reason):
    sent("ann", attempted_at=now - timedelta(seconds=ago))
    assert visit(method, marketing_link("open"), headers=headers).status_code == 200
    assert heard() == [("Email Opened", "message-ann", None, True if reason else None, reason)]


def test_who_follows_the_link_that_nobody_sees_is_a_machine_in_all_it_does(collector, heard):
    async def scan():
        async with collector() as client:
            for purpose, person in [("trap", "ann"), ("click", "ann"), ("click", "bob")]:
                await client.get(marketing_link(purpose, person), headers=IPHONE)

    asyncio.run(scan())
    assert sorted(heard(), key=str) == sorted(
        [
            ("Email Link Clicked", "message-ann", None, True, "trap"),
            ("Email Link Clicked", "message-ann", "https://shop.example/p/1", True, "trap"),
            ("Email Link Clicked", "message-bob", "https://shop.example/p/1", None, None),
        ],
        key=str,
    )


def test_a_trap_is_forgotten_after_a_minute():
    now = [0.0]
    trapped = Trapped(lambda: now[0])
    trapped.spring("message")
    held = []
    for now[0] in (59.0, 61.0):
        held.append((trapped.holds("message"), trapped.holds("other")))
    assert held == [(True, False), (False, False)]


@pytest.mark.parametrize("phone", ["CUBOT X18 Plus", "Linux; Android 14; Pixel 8", "iPad; CPU OS 18_1"])
def test_a_phone_whose_name_sounds_like_a_robots_is_a_phone(phone, now):
    agent = f"Mozilla/5.0 ({phone}) AppleWebKit/537.36 Chrome/130.0 Mobile Safari/537.36"
    assert machine_signal("GET", agent, "email", None, now) is None


def test_a_link_followed_twice_in_a_minute_is_one_event(visit, landed):
    for _ in range(2):
        visit("get", marketing_link("click"), headers=IPHONE)
    assert len({event["messageId"] for event in landed()}) == 1


def test_a_reader_gets_through_although_the_disk_is_full(visit, monkeypatch):
    def full(self, lines):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SegmentFiles, "write", full)
    assert visit("get", marketing_link("click"), headers=IPHONE).status_code == 302
    assert visit("get", marketing_link("open"), headers=IPHONE).status_code == 200


@pytest.mark.parametrize(
    "target",
    [
        "javascript:alert(1)",
        "javascript://shop.example/%0aalert(1)",
        "data:text/html,<script>",
        "//evil.example",
        "/relative",
        "https:evil.example",
        "https://shop.example\\@evil.example",
        "https://shop.example/\r\nSet-Cookie: a=b",
        "file:///etc/passwd",
        "http://[",
        "",
    ],
)
def test_even_a_signed_link_never_leads_to_a_script_a_file_or_another_header(visit, target):
    assert not may_lead_to(target)
    if target:
        answer = visit("get", marketing_link("click", url=target))
        assert (answer.status_code, "location" in answer.headers) == (404, False)


@given(st.text(max_size=80))
def test_where_a_redirect_may_lead_has_a_scheme_a_host_and_no_blank(target):
    if may_lead_to(target):
        parts = urlsplit(target)
        assert parts.scheme not in ("javascript", "data", "file", "vbscript")
        assert parts.netloc
        assert target.isprintable()


@pytest.mark.parametrize(
    "extra", ["?url=https://evil.example", "?next=//evil.example", "#https://evil.example"]
)
def test_nothing_beside_the_token_changes_where_a_click_leads(visit, extra):
    answer = visit("get", marketing_link("click") + extra)
    assert answer.headers["location"] == "https://shop.example/p/1"


def test_a_link_of_another_purpose_is_no_click(visit, landed):
    token = marketing_link("open").rpartition("/")[2]
    assert visit("get", f"/c/{token}").status_code == 404
    assert landed() == []
