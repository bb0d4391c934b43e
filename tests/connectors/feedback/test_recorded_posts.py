"""Every recorded post means what its file says; the expectations are django-anymail's."""

import json
from collections import defaultdict
from datetime import UTC, datetime

import pytest

from connectors.feedback import Feedback, Post
from connectors.feedback.bounce_mail import normalize as read_bounce
from connectors.feedback.providers import PROVIDERS

RECEIVED_AT = datetime(2026, 3, 2, 10)
NAMES = {
    "queued": "Email Sent",
    "sent": "Email Sent",
    "delivered": "Email Delivered",
    "deferred": "Email Deferred",
    "opened": "Email Opened",
    "clicked": "Email Link Clicked",
    "bounced": "Email Bounced",
    "complained": "Email Marked as Spam",
    "rejected": "Email Rejected",
    "unsubscribed": "Unsubscribed",
    "subscribed": "Subscribed",
}
PERMANENT = {"bounced": "hard_bounced", "spam": "complained"}


def webhook_posts(recordings):
    for line in (recordings / "webhooks" / "esp_webhook_posts.jsonl").read_text().splitlines():
        # Anymail's own id travels in a variable of its name; ours in one of ours.
        record = json.loads(line.replace("anymail_id", "millrace_message_id"))
        provider = record["path"].split("/")[2].removeprefix("amazon_")
        # A test of authentication expects no event; what the post says is another matter.
        if record.get("status") == 200 or record["events"]:
            yield provider, record


def expected(event):
    """What the file says, in our words: name, address, time, ids, link, browser, address closed."""
    told_at = event.get("timestamp")
    closes = (
        "complained" if event["event_type"] == "complained" else PERMANENT.get(event.get("reject_reason"))
    )
    return {
        "name": NAMES[event["event_type"]],
        "address": event.get("recipient"),
        "occurred_at": datetime.fromisoformat(told_at).astimezone(UTC).replace(tzinfo=None)
        if told_at
        else None,
        "message_id": event.get("message_id"),
        "event_id": event.get("event_id"),
        "url": event.get("click_url"),
        "user_agent": event.get("user_agent"),
        "suppress": closes,
    }


def got(item, wanted):
    """Our event in the same shape; the file has one id where we tell three apart."""
    ids = (item.message_id, item.provider_message_id, f"<{item.mail_id}>", f"<{item.provider_message_id}>")
    known = item.properties.get("provider_event_id")
    return {
        "name": item.name,
        "address": item.address,
        "occurred_at": item.occurred_at if wanted["occurred_at"] else None,
        "message_id": wanted["message_id"] if wanted["message_id"] in ids else item.provider_message_id,
        "event_id": known,
        "url": item.properties.get("url"),
        "user_agent": item.properties.get("user_agent"),
        "suppress": item.suppress,
    }


def test_every_recorded_webhook_maps_to_the_event_that_its_file_says(recordings):
    wrong, count = [], 0
    for provider, record in webhook_posts(recordings):
        items = PROVIDERS[provider].normalize(Post.from_record(record, RECEIVED_AT))
        wanted = [expected(event) for event in record["events"] if event["event_type"] != "unknown"]
        events = [item for item in items if isinstance(item, Feedback)]
        found = [got(item, want) for item, want in zip(events, wanted, strict=False)]
        count += len(wanted)
        if found != wanted or len(events) != len(wanted):
            wrong.append((record["test"], found, wanted))
    assert (wrong, count) == ([], 45)


def test_what_a_file_calls_unknown_is_refused_with_field_and_reason(recordings):
    unknown = [
        PROVIDERS[provider].normalize(Post.from_record(record, RECEIVED_AT))
        for provider, record in webhook_posts(recordings)
        if any(event["event_type"] == "unknown" for event in record["events"])
    ]
    assert unknown == [[("RecordType", "Field required")]] * 3


def test_posts_of_other_services_are_refused_rather_than_misread(recordings):
    refused = {}
    for line in (recordings / "webhooks" / "esp_webhook_posts.jsonl").read_text().splitlines():
        record = json.loads(line)
        if "inbound" in record.get("error", ""):
            provider = record["path"].split("/")[2].removeprefix("amazon_")
            refused[provider] = PROVIDERS[provider].normalize(Post.from_record(record, RECEIVED_AT))
    assert {provider: [reject.field for reject in rejects] for provider, rejects in refused.items()} == {
        "ses": ["Message.eventType"],
        "mailgun": ["event-data.event"],
        "postmark": ["RecordType"],
    }


def test_every_twilio_callback_maps_to_its_status_and_error(recordings, post, normalized):
    recorded = json.loads((recordings / "webhooks" / "twilio_vectors_and_callbacks.json").read_text())
    forms = [form for name, forms in recorded.items() if "callbacks" in name for form in forms]
    events = [normalized("twilio", post(form=form))[0] for form in forms]
    assert [
        (event.name, event.properties.get("reason"), event.properties.get("bounce_type"), event.suppress)
        for event in events
    ] == [
        ("SMS Sent", None, None, None),
        ("SMS Sent", None, None, None),
        ("SMS Delivered", None, None, None),
        ("SMS Failed", "twilio 30003", "soft", None),
        ("SMS Failed", "twilio 30005", "hard", "hard_bounced"),
        ("SMS Failed", "twilio 30006", "soft", None),
        ("SMS Failed", "twilio 30007", "soft", None),
        ("SMS Failed", "twilio 30008", "soft", None),
        ("SMS Failed", "twilio 21610", "soft", "stop"),
        ("SMS Failed", "twilio 30034", "soft", None),
    ]
    assert {event.address for event in events} == {"+15558675310"}


@pytest.fixture(scope="session")
def expected_bounces(recordings):
    """{file: (addresses, is_temporary)}; where several detectors were asked, what any of them found."""
    found = defaultdict(lambda: (set(), False))
    for row in json.loads((recordings / "bounces" / "flufl_expected.json").read_text()):
        addresses, is_temporary = found[row["file"]]
        found[row["file"]] = (addresses | set(row["addresses"]), is_temporary or row["temporary"])
    return dict(found)


def test_every_recorded_bounce_maps_to_its_addresses_and_to_temporary_or_not(expected_bounces, bounce_mails):
    found = {}
    for name in expected_bounces:
        items = read_bounce(Post(bounce_mails[name], RECEIVED_AT))
        events = [item for item in items if isinstance(item, Feedback)]
        found[name] = (
            {event.address for event in events},
            any(event.name == "Email Deferred" for event in events),
        )
        assert {event.name for event in events} <= {"Email Bounced", "Email Deferred"}
    assert (found, len(found)) == (expected_bounces, 115)


def test_a_final_bounce_is_hard_unless_its_status_says_that_the_address_is_not_at_fault(
    expected_bounces, bounce_mails
):
    soft = {
        name: item.properties["reason"]
        for name in expected_bounces
        for item in read_bounce(Post(bounce_mails[name], RECEIVED_AT))
        if isinstance(item, Feedback) and item.properties.get("bounce_type") == "soft"
    }
    assert soft == {"dsn_02.txt": "smtp 4.4.7"}  # the server of the recipient was away for too long


def test_posts_that_say_different_things_are_different_events(recordings):
    said = {}
    for provider, record in webhook_posts(recordings):
        for item in PROVIDERS[provider].normalize(Post.from_record(record, RECEIVED_AT)):
            if isinstance(item, Feedback):
                meaning = (provider, item.name, item.address, item.occurred_at, item.properties.get("url"))
                said.setdefault(item.event_id, set()).add(meaning)
    assert [meanings for meanings in said.values() if len(meanings) > 1] == []


def test_the_same_post_gives_the_same_events_whenever_it_arrives(recordings, bounce_mails):
    for provider, record in webhook_posts(recordings):
        normalize = PROVIDERS[provider].normalize
        first, again = (
            [item.event_id for item in normalize(Post.from_record(record, at)) if isinstance(item, Feedback)]
            for at in (RECEIVED_AT, datetime(2026, 3, 3))
        )
        assert first == again
    for mail in bounce_mails.values():
        first, again = (
            [item.event_id for item in read_bounce(Post(mail, at)) if isinstance(item, Feedback)]
            for at in (RECEIVED_AT, datetime(2026, 3, 3))
        )
        assert first == again
