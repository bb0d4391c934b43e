"""What each vendor's words mean, beyond the recorded posts; good items survive bad ones."""

import json
from datetime import datetime

import pytest

from connectors.feedback import Feedback, Post, bounce_mail
from connectors.feedback.providers import PROVIDERS
from connectors.feedback.replies import keyword

RECEIVED_AT = datetime(2026, 3, 2, 10)


def told(items):
    return [(item.name, item.address, dict(item.properties), item.suppress) for item in items]


def test_a_bad_item_does_not_take_the_good_ones_with_it(post):
    items = PROVIDERS["sendgrid"].normalize(
        post(
            [
                {"event": "open", "email": "ann@example.com", "sg_event_id": "1", "timestamp": 1772445600},
                "nonsense",
                {"event": "teleported", "email": "bob@example.com"},
                {"email": "bob@example.com"},
                {"event": "click", "timestamp": "tomorrow"},
                {"event": "delivered", "email": "cid@example.com", "sg_event_id": "2"},
            ]
        )
    )
    assert [item.address if isinstance(item, Feedback) else (item.field, item.reason) for item in items] == [
        "ann@example.com",
        ("1", "must be a JSON object"),
        ("2.event", "unknown SendGrid event"),
        ("3.event", "Field required"),
        (
            "4.timestamp",
            "Input should be a valid number, unable to parse string as a number",
        ),
        "cid@example.com",
    ]


@pytest.mark.parametrize("provider", sorted(set(PROVIDERS)))
@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"null", b"[[]]", b'{"a": 1}', b'"text"', b"a=b&c"])
def test_nonsense_is_refused_without_an_exception_and_without_quoting_it(provider, body):
    items = PROVIDERS[provider].normalize(Post(body, RECEIVED_AT))
    assert not any(isinstance(item, Feedback) for item in items)
    assert all("text" not in item.reason for item in items)


def test_sendgrid_echoes_our_id_and_says_when_a_machine_opened(post, normalized):
    event = {"event": "open", "email": "ann@example.com", "message_id": "m1", "sg_machine_open": True}
    [item] = normalized("sendgrid", post([event | {"timestamp": 1772445600}]))
    assert (item.message_id, item.properties["is_machine"]) == ("m1", True)


@pytest.mark.parametrize(
    ("event", "hardness", "suppress"),
    [
        ({"event": "bounce", "status": "5.1.1", "type": "bounce"}, "hard", "hard_bounced"),
        ({"event": "bounce", "status": "5.7.1", "type": "blocked"}, "soft", None),
        ({"event": "bounce", "status": "5.2.2", "type": "bounce"}, "soft", None),
        ({"event": "bounce"}, "hard", "hard_bounced"),
        ({"event": "deferred"}, None, None),
        ({"event": "dropped", "reason": "Spam Reporting Address"}, None, "complained"),
        ({"event": "dropped", "reason": "Unsubscribed Address"}, None, None),
        ({"event": "spamreport"}, None, "complained"),
    ],
)
def test_sendgrid_bounces(post, normalized, event, hardness, suppress):
    [item] = normalized("sendgrid", post([event | {"email": "ann@example.com"}]))
    assert (item.properties.get("bounce_type"), item.suppress) == (hardness, suppress)


@pytest.mark.parametrize(
    ("record", "name", "hardness", "suppress"),
    [
        ({"RecordType": "Bounce", "Type": "HardBounce"}, "Email Bounced", "hard", "hard_bounced"),
        ({"RecordType": "Bounce", "Type": "SoftBounce"}, "Email Bounced", "soft", None),
        ({"RecordType": "Bounce", "Type": "Transient"}, "Email Deferred", None, None),
        ({"RecordType": "Bounce", "Type": "Blocked"}, "Email Bounced", "soft", None),
        ({"RecordType": "SpamComplaint"}, "Email Marked as Spam", None, "complained"),
        (
            {"RecordType": "SubscriptionChange", "SuppressSending": True, "SuppressionReason": "HardBounce"},
            "Email Bounced",
            "hard",
            "hard_bounced",
        ),
        ({"RecordType": "Click", "OriginalLink": "https://shop.example"}, "Email Link Clicked", None, None),
    ],
)
def test_postmark_records(post, normalized, record, name, hardness, suppress):
    [item] = normalized("postmark", post(record | {"MessageID": "x", "Metadata": {"message_id": "m1"}}))
    assert (item.name, item.properties.get("bounce_type"), item.suppress) == (name, hardness, suppress)
    assert item.message_id == "m1"


def test_an_auto_reply_says_nothing_about_delivery(post, normalized):
    assert normalized("postmark", post({"RecordType": "Bounce", "Type": "AutoResponder"})) == []


def ses_post(post, kind, detail, **mail):
    message = {"eventType": kind, kind[0].lower() + kind[1:]: detail, "mail": {"messageId": "x", **mail}}
    return post({"Type": "Notification", "MessageId": "1", "Message": json.dumps(message)})


def test_ses_tells_of_each_recipient_and_echoes_our_tag(post, normalized):
    detail = {
        "bounceType": "Transient",
        "bounceSubType": "MailboxFull",
        "bouncedRecipients": [
            {"emailAddress": "a@x.example", "status": "4.2.2"},
            {"emailAddress": "b@x.example"},
        ],
        "timestamp": "2026-03-02T09:00:00Z",
    }
    items = normalized("ses", ses_post(post, "Bounce", detail, tags={"message_id": ["m1"]}))
    assert told(items) == [
        (
            "Email Bounced",
            "a@x.example",
            {"provider_event_id": "1", "bounce_type": "soft", "reason": "transient mailboxfull 4.2.2"},
            None,
        ),
        (
            "Email Bounced",
            "b@x.example",
            {"provider_event_id": "1", "bounce_type": "soft", "reason": "transient mailboxfull"},
            None,
        ),
    ]
    assert len({item.event_id for item in items}) == 2
    assert {(item.message_id, item.occurred_at) for item in items} == {("m1", datetime(2026, 3, 2, 9))}


def test_the_same_ses_event_through_two_topics_is_one_event(post, normalized):
    detail = {"timestamp": "2026-03-02T09:00:00Z", "recipients": ["a@x.example"]}
    one = ses_post(post, "Delivery", detail)
    other = post(one.json() | {"MessageId": "2", "TopicArn": "other"})
    assert [item.event_id for item in normalized("ses", one)] == [
        item.event_id for item in normalized("ses", other)
    ]


@pytest.mark.parametrize(
    ("preferences", "name"),
    [
        ({"unsubscribeAll": True}, "Unsubscribed"),
        ({"topicSubscriptionStatus": [{"topicName": "a", "subscriptionStatus": "OptOut"}]}, "Unsubscribed"),
        ({"topicSubscriptionStatus": [{"topicName": "a", "subscriptionStatus": "OptIn"}]}, "Subscribed"),
    ],
)
def test_ses_subscriptions(post, normalized, preferences, name):
    detail = {"newTopicPreferences": preferences}
    [item] = normalized("ses", ses_post(post, "Subscription", detail, destination=["a@x.example"]))
    assert (item.name, item.address) == (name, "a@x.example")


def test_a_complaint_taken_back_is_none(post, normalized):
    detail = {"complaintFeedbackType": "not-spam", "complainedRecipients": [{"emailAddress": "a@x.example"}]}
    assert [item.suppress for item in normalized("ses", ses_post(post, "Complaint", detail))] == [None]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("STOP", "stop"),
        (" stop. ", "stop"),
        ("Unsubscribe", "stop"),
        ("START", "start"),
        ("unstop", "start"),
        ("help", "help"),
        ("Stop texting me", None),
        ("yes", None),
        ("Thanks!", None),
        ("", None),
    ],
)
def test_keywords_stand_alone(text, word):
    assert keyword(text) == word


def test_twilio_replies_withdraw_and_give_consent(post, normalized):
    def said(body, **more):
        form = {
            "MessageSid": f"SM{body}",
            "From": "+43123",
            "To": "+43999",
            "Body": body,
            "SmsStatus": "received",
        }
        [item] = normalized("twilio", post(form=form | more))
        return item.name, item.channel, item.address, item.suppress, item.lifts

    assert said("Stop") == ("Unsubscribed", "sms", "+43123", "stop", None)
    assert said("START") == ("Subscribed", "sms", "+43123", None, "stop")
    assert said("HELP") == ("SMS Replied", "sms", "+43123", None, None)
    assert said("Where is my order?") == ("SMS Replied", "sms", "+43123", None, None)
    assert said("Basta", OptOutType="STOP") == ("Unsubscribed", "sms", "+43123", "stop", None)
    assert said("stop", From="whatsapp:+43123") == ("Unsubscribed", "whatsapp", "+43123", "stop", None)


def test_the_text_of_a_reply_is_not_kept(post, normalized):
    form = {"MessageSid": "SM1", "From": "+43123", "Body": "my password is 123"}
    [item] = normalized("twilio", post(form=form))
    assert "password" not in repr(item)


def test_twilio_echoes_our_id_in_the_address_that_it_calls(post, normalized):
    form = {"MessageSid": "SM1", "MessageStatus": "delivered", "To": "+43123", "RawDlrDoneDate": "2603020959"}
    [item] = normalized("twilio", post(form=form, url="https://hooks.example/twilio?message_id=m1"))
    assert (item.message_id, item.provider_message_id, item.occurred_at) == (
        "m1",
        "SM1",
        datetime(2026, 3, 2, 9, 59),
    )


def whatsapp_post(post, **value):
    change = {"field": "messages", "value": {"messaging_product": "whatsapp", **value}}
    return post({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]})


def test_whatsapp_statuses_replies_and_preferences(post, normalized):
    status = {
        "id": "wamid.1",
        "recipient_id": "43123",
        "timestamp": "1772445600",
        "biz_opaque_callback_data": "m1",
    }
    items = normalized(
        "whatsapp",
        whatsapp_post(
            post,
            statuses=[
                status | {"status": "sent"},
                status | {"status": "read"},
                status | {"status": "failed", "errors": [{"code": 131026, "title": "Undeliverable"}]},
                status | {"status": "failed", "id": "wamid.2", "errors": [{"code": 131050}]},
            ],
            messages=[
                {
                    "from": "43123",
                    "id": "wamid.3",
                    "timestamp": "1772445600",
                    "type": "text",
                    "text": {"body": "STOP"},
                },
                {"from": "43123", "id": "wamid.4", "type": "image", "context": {"id": "wamid.1"}},
            ],
            user_preferences=[
                {
                    "wa_id": "43123",
                    "category": "marketing_messages",
                    "value": "resume",
                    "timestamp": 1772445601,
                }
            ],
        ),
    )
    assert [(item.name, item.message_id, item.suppress, item.properties.get("reason")) for item in items] == [
        ("WhatsApp Message Sent", "m1", None, None),
        ("WhatsApp Message Read", "m1", None, None),
        ("WhatsApp Message Failed", "m1", None, "whatsapp 131026"),
        ("WhatsApp Message Failed", "m1", None, "whatsapp 131050"),
        ("Unsubscribed", None, None, "whatsapp_preference"),
        ("Unsubscribed", None, "stop", "stop"),
        ("WhatsApp Message Replied", None, None, None),
        ("Subscribed", None, None, "whatsapp_preference"),
    ]
    assert {(item.address, item.channel) for item in items} == {("+43123", "whatsapp")}


def test_a_bad_whatsapp_status_does_not_hide_the_next(post):
    items = PROVIDERS["whatsapp"].normalize(
        whatsapp_post(post, statuses=[{"status": "sent"}, {"id": "wamid.1", "status": "sent"}])
    )
    assert [getattr(item, "field", "event") for item in items] == [
        "entry.0.changes.0.value.statuses.0.id",
        "event",
    ]


OURS = "Message-ID: <m1@shop.example>\nX-Millrace-Message-Id: m1\nTo: ann@example.com\n\nHello\n"


def report(kind, fields):
    """A report as servers send it: an explanation, the fields, our own mail."""
    parts = [("text/plain", "Sorry.\n"), (f"message/{kind}", fields), ("message/rfc822", OURS)]
    body = "".join(f"--b\nContent-Type: {media_type}\n\n{content}\n" for media_type, content in parts)
    head = (
        "Message-ID: <report@mx.example>\nDate: Mon, 02 Mar 2026 10:00:00 +0100\n"
        "MIME-Version: 1.0\nContent-Type: multipart/report; boundary=b\n\n"
    )
    return f"{head}{body}--b--\n".encode()


def dsn(action, status, address="ann@example.com"):
    return report(
        "delivery-status",
        f"Reporting-MTA: dns; mx.example\n\nFinal-Recipient: rfc822; {address}\nAction: {action}\nStatus: {status}\n",
    )


@pytest.mark.parametrize(
    ("action", "status", "name", "hardness", "suppress"),
    [
        ("failed", "5.1.1", "Email Bounced", "hard", "hard_bounced"),
        ("failed", "5.2.2", "Email Bounced", "soft", None),
        ("failed", "5.7.1", "Email Bounced", "soft", None),
        ("failed", "4.4.7", "Email Bounced", "soft", None),
        ("delayed", "4.4.1", "Email Deferred", None, None),
        ("delivered", "2.1.5", "Email Delivered", None, None),
    ],
)
def test_a_status_notification_names_our_message(action, status, name, hardness, suppress):
    [item] = bounce_mail.normalize(Post(dsn(action, status), RECEIVED_AT))
    assert (item.name, item.properties.get("bounce_type"), item.suppress) == (name, hardness, suppress)
    assert (item.address, item.message_id, item.mail_id, item.occurred_at) == (
        "ann@example.com",
        "m1",
        "m1@shop.example",
        datetime(2026, 3, 2, 9),
    )


def test_one_report_about_a_good_and_an_unreadable_recipient_keeps_the_good_one():
    fields = (
        "Reporting-MTA: dns; mx.example\n\n"
        "Final-Recipient: rfc822; ann...@example.com\nAction: failed\nStatus: 5.1.1\n\n"
        "Final-Recipient: rfc822; ann@example.com\nAction: failed\nStatus: 5.1.1\n"
    )
    items = bounce_mail.normalize(Post(report("delivery-status", fields), RECEIVED_AT))
    assert [getattr(item, "field", None) or item.address for item in items] == [
        "Final-Recipient",
        "ann@example.com",
    ]


@pytest.mark.parametrize(
    ("kind", "name", "suppress"),
    [("abuse", "Email Marked as Spam", "complained"), ("opt-out", "Unsubscribed", None)],
)
def test_a_complaint_by_mail_names_our_message_even_without_an_address(kind, name, suppress):
    mail = report("feedback-report", f"Feedback-Type: {kind}\nUser-Agent: isp/1\nVersion: 1\n")
    [item] = bounce_mail.normalize(Post(mail, RECEIVED_AT))
    assert (item.name, item.suppress, item.message_id, item.address) == (name, suppress, "m1", None)


def test_a_report_that_mail_was_no_spam_is_no_complaint():
    mail = report("feedback-report", "Feedback-Type: not-spam\nVersion: 1\n")
    [item] = bounce_mail.normalize(Post(mail, RECEIVED_AT))
    assert item == ("Feedback-Type", "no complaint")


def test_our_id_is_found_where_an_old_server_only_quotes_the_headers():
    text = "To: me\nSubject: failed\n\n<ann@example.com>:\nunknown user\n\n--- Below this line is a copy\n\n"
    quoted = "Message-ID: <m1@shop.example>\nX-Millrace-Message-Id: m1\n"
    mail = b"From: MAILER-DAEMON@mx.example\n" + (text + quoted).encode()
    [reported] = bounce_mail.normalize(
        Post(
            mail.replace(
                b"<ann@example.com>:",
                b"Hi. This is the qmail-send program at mx.example.\n\n<ann@example.com>:",
            ),
            RECEIVED_AT,
        )
    )
    assert (reported.address, reported.message_id) == ("ann@example.com", "m1")
