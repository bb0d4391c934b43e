"""What a person says on a page holds from the next claim; what a machine looks at changes nothing."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from connectors import tables
from connectors.delivery.ledger import claim
from tests.connectors.collector.visitor import ONE_CLICK, everything_in, marketing_link

SOON = timedelta(seconds=1)


@pytest.fixture
def claimed_after(store, message, now):
    """`claimed_after("ann")`: why the claim of Ann's next mail, a second later, refuses it; none when it goes."""

    def look(person, **changes):
        due = message(person, **({"message_id": f"next-{person}"} | changes))
        taken = claim(store, [due], "worker", now + SOON, now + timedelta(minutes=5))
        return taken.skipped.get(due.message_id)

    return look


@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
def test_an_unsubscription_one_second_before_the_send_stops_it(visit, agree, claimed_after, landed):
    agree("ann", "bob")
    assert visit("post", marketing_link("unsubscribe"), data={"confirm": "yes"}).status_code == 200
    assert (claimed_after("ann"), claimed_after("bob")) == ("no_consent", None)
    (event,) = landed()
    assert (event["event"], event["properties"]) == (
        "Unsubscribed",
        {
            "message_id": "message-ann",
            "profile_id": "profile-ann",
            "channel": "email",
            "provider": "millrace",
            "purpose": "marketing",
            "source": "unsubscribe_page",
            "proof": "message-ann",
        },
    )


@pytest.mark.parametrize(
    "body", [{"data": ONE_CLICK}, {"files": {name: (None, ONE_CLICK[name]) for name in ONE_CLICK}}]
)
def test_one_click_of_a_mailbox_provider_needs_neither_page_nor_cookie(
    visit, agree, claimed_after, landed, body
):
    agree("ann")
    answer = visit("post", marketing_link("unsubscribe"), **body)
    assert (answer.status_code, answer.text, "set-cookie" in answer.headers) == (200, "Unsubscribed.", False)
    assert claimed_after("ann") == "no_consent"
    assert [event["properties"]["source"] for event in landed()] == ["one_click"]


def test_an_unsubscription_from_news_leaves_service_updates(visit, agree, claimed_after):
    agree("ann")
    visit("post", marketing_link("unsubscribe"))
    assert claimed_after("ann", message_class="operational") is None
    assert claimed_after("ann", message_id="news") == "no_consent"


def test_an_opt_out_holds_although_landing_is_full(visit, agree, claimed_after, landing, monkeypatch):
    agree("ann")

    def full(name, records):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(landing, "write", full)
    assert visit("post", marketing_link("unsubscribe")).status_code == 200
    assert claimed_after("ann") == "no_consent"


@pytest.mark.parametrize("method", ["get", "head", "options"])
@pytest.mark.parametrize(
    "purpose", ["unsubscribe", "preferences", "confirm", "view", "open", "click", "trap"]
)
def test_nothing_but_a_post_changes_the_store(visit, store, agree, sent, method, purpose):
    agree("ann")
    sent("ann")
    before = everything_in(store)
    visit(method, marketing_link(purpose), params={"none": "yes", "confirm": "yes", **ONE_CLICK})
    assert everything_in(store) == before


@pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
def test_the_preference_centre_shows_what_was_last_said(visit, agree):
    agree("ann")
    page = visit("get", marketing_link("preferences")).text
    assert 'value="email:marketing" aria-describedby="email:marketing-hint" checked' in page
    assert "sms:marketing" not in page


def test_unticking_one_purpose_keeps_the_other(visit, agree, claimed_after):
    agree("ann")
    answers = {"save": "yes", "yes": ["email:operational"], "shown": ["email:marketing", "email:operational"]}
    assert "Saved." in visit("post", marketing_link("preferences"), data=answers).text
    assert claimed_after("ann") == "no_consent"
    assert claimed_after("ann", message_id="other", message_class="operational") is None


def test_no_to_everything_is_a_no_on_every_channel(visit, store, agree):
    agree("ann")
    visit("post", marketing_link("preferences"), data={"none": "yes", "yes": "email:marketing"})
    facts = tables.facts.c
    with store.transaction() as connection:
        rows = connection.execute(sa.select(facts.channel, facts.purpose, facts.signal)).all()
    channels, purposes = ("email", "sms", "whatsapp", "push"), ("marketing", "operational")
    assert set(rows) == {(channel, purpose, "unsubscribed") for channel in channels for purpose in purposes}


def test_a_page_left_open_cannot_take_back_a_no_that_was_said_since(visit, agree, claimed_after):
    agree("ann", status="unsubscribed")
    stale = {"save": "yes", "yes": ["email:marketing"], "shown": ["email:marketing"]}
    visit("post", marketing_link("preferences"), data=stale)
    assert claimed_after("ann") == "no_consent"


def test_a_yes_where_the_page_showed_a_no_is_a_new_consent(visit, agree, claimed_after, now):
    agree("ann", status="unsubscribed")
    visit("post", marketing_link("preferences"), data={"save": "yes", "yes": ["email:marketing"]})
    assert claimed_after("ann") is None


def test_after_stop_the_page_says_so_and_takes_no_yes(visit, store, agree, sent, now):
    agree("ann", channel="sms", status="unsubscribed")
    sent("ann", channel="sms", address="+431234567")
    with store.transaction() as connection:
        row = {"channel": "sms", "address": "+431234567", "reason": "stop", "since": now}
        connection.execute(tables.suppressions.insert(), row)
    link = marketing_link("preferences", channel="sms")
    answer = visit("post", link, data={"save": "yes", "yes": ["sms:marketing"]}).text
    assert "reply START" in answer
    assert 'value="sms:marketing" aria-describedby="sms:marketing-hint" disabled' in answer


def test_only_the_link_in_the_mail_makes_a_request_a_consent(visit, sent, claimed_after, agree, landed):
    agree("bob")
    assert visit("post", "/subscribe", data={"email": "ann@example.com"}).status_code == 202
    assert [event["event"] for event in landed()] == ["Subscription Requested"]
    assert claimed_after("ann", message_id="before") == "no_consent"
    sent("ann")
    assert "subscribed" in visit("post", marketing_link("confirm"), data={"confirm": "yes"}).text
    assert claimed_after("ann") is None
    confirmed = landed()[-1]
    assert confirmed["event"] == "Subscribed"
    assert confirmed["properties"]["source"] == "double_opt_in"
    assert confirmed["properties"]["proof"] == "message-ann"


def test_a_confirmation_expires_and_proves_nothing_without_its_message(visit, sent, now):
    assert visit("post", marketing_link("confirm")).status_code == 410
    sent("ann", attempted_at=now - timedelta(days=31))
    assert visit("post", marketing_link("confirm")).status_code == 410


@pytest.mark.parametrize(
    "address", ["", "ann", "ann@", "@example.com", "a b@example.com", "a@b\nBcc: c@d.ef", "<a@b.cd>"]
)
def test_what_is_no_address_is_not_written_to(visit, landed, address):
    assert visit("post", "/subscribe", data={"email": address}).status_code == 400
    assert landed() == []


@pytest.mark.parametrize("change", ["message", "profile", "letter", "cut", "other_secret"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_a_link_that_was_changed_does_nothing_and_tells_nothing(visit, store, agree, change, method):
    agree("ann")
    before = everything_in(store)
    path = marketing_link("unsubscribe")
    token = path.rpartition("/")[2]
    changed = {
        "message": "/u/" + "A" + token[1:],
        "profile": "/u/"
        + marketing_link("unsubscribe", "bob").rpartition("/")[2].partition(".")[0]
        + "."
        + token.partition(".")[2],
        "letter": "/p/" + token,
        "cut": path[:-1],
        "other_secret": marketing_link("unsubscribe", secret="another"),
    }[change]
    answer = visit(method, changed)
    assert answer.status_code == 404
    assert not any(word in answer.text for word in ("ann", "bob", "signature", "Traceback"))
    assert everything_in(store) == before


def test_a_page_speaks_the_readers_language_and_allows_nothing_but_its_style(visit):
    answer = visit("get", marketing_link("unsubscribe"), headers={"Accept-Language": "fr, de;q=0.8"})
    assert '<html lang="de">' in answer.text
    assert "Abmelden" in answer.text
    policy = answer.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "frame-ancestors 'none'" in policy
    assert answer.headers["referrer-policy"] == "no-referrer"
