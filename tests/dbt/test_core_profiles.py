"""Profiles, consent and suppression: what is known about a person and what they allow."""

from __future__ import annotations

import json
from datetime import date, datetime
from itertools import count
from types import SimpleNamespace

import pytest

from connectors.delivery.profile_update import identify_record

NUMBERS = count(1)


def event(
    name: str, moment: str, who: str = "ann", browser: str | None = None, /, **properties: object
) -> dict:
    return {
        "messageId": f"n{next(NUMBERS)}",
        "event": name,
        "timestamp": f"{moment}Z",
        "receivedAt": f"{moment}Z",
        "userId": who or None,
        "anonymousId": browser,
        "properties": properties,
    }


def identify(moment: str, who: str = "ann", browser: str | None = None, /, **traits: object) -> dict:
    return event("", moment, who, browser) | {"type": "identify", "event": None, "traits": traits}


def test_all_other_traits_are_kept_each_with_its_latest_word(shop):
    shop.take(
        [
            identify(
                "2026-03-01T10:00:00", loyaltyLevel="gold", points=3, company={"name": "Tea & Co"}, likes=None
            ),
            identify("2026-03-01T11:00:00", "", "browser", loyaltyLevel="silver", firstName="Ann"),
        ]
    )
    shop.run("2026-03-02")
    shop.take([event("Page Viewed", "2026-03-02T10:00:00", "ann", "browser")])
    shop.take([identify("2026-03-01T09:00:00", points=1, tea=True) | {"receivedAt": "2026-03-02T10:00:00Z"}])
    shop.run("2026-03-03")
    assert shop.rows("select traits, first_name from profiles.profiles where user_id = 'ann'") == [
        ('{"company":{"name":"Tea & Co"},"loyaltyLevel":"silver","points":3,"tea":true}', "Ann")
    ]


def test_what_a_flow_writes_to_a_profile_can_be_read_there(shop):
    shop.take([identify("2026-03-01T10:00:00")])
    shop.run("2026-03-02")
    ((profile,),) = shop.rows("select profile_id from profiles.profiles")
    message = SimpleNamespace(message_id="m1", profile_id=profile)
    content = SimpleNamespace(data={"tier_note": "vip"})
    shop.take(
        [identify_record(SimpleNamespace(message=message, content=content, sent_at=datetime(2026, 3, 2, 9)))]
    )
    shop.run("2026-03-03")
    assert shop.rows("select profile_id, traits ->> 'tier_note' from profiles.profiles") == [(profile, "vip")]


def test_an_installation_from_before_profiles_had_traits_gets_the_column(shop):
    shop.take([identify("2026-03-01T10:00:00", tea=True)])
    shop.run("2026-03-02")
    shop.warehouse.execute("alter table profiles.profiles drop column traits")
    shop.take([identify("2026-03-02T10:00:00", "bob", tea=False)])
    shop.run("2026-03-03")
    assert shop.rows("select user_id, traits from profiles.profiles order by 1") == [
        ("ann", "{}"),
        ("bob", '{"tea":false}'),
    ]


def test_the_latest_word_about_a_trait_counts_whenever_it_arrives(shop):
    shop.take(
        [
            identify(
                "2026-03-02T10:00:00",
                firstName="Anna",
                email=" Ann@X.example ",
                birthday="1990-05-01",
                timezone="Europe/Berlin",
                createdAt="2025-01-01T00:00:00Z",
            )
        ]
    )
    shop.run("2026-03-03")
    shop.take(
        [
            identify("2026-03-01T10:00:00", firstName="Ann", lastName="Lee", phone="+49 170 1")
            | {"receivedAt": "2026-03-03T10:00:00Z"}
        ]
    )
    shop.run("2026-03-04")
    assert shop.rows("""
        select first_name, last_name, email, phone, birthday, time_zone, created_at, first_seen_at, tier
        from profiles.profiles""") == [
        (
            "Anna",
            "Lee",
            "ann@x.example",
            "+491701",
            date(1990, 5, 1),
            "Europe/Berlin",
            datetime(2025, 1, 1),
            datetime(2026, 3, 1, 10),
            "none",
        )
    ]


ZONES = {
    "Europe/Berlin": "Europe/Berlin",
    " europe/berlin ": "Europe/Berlin",
    "Moon/Base": None,
    "CEST": None,
    "+02:00": None,
    "Eastern Time (US & Canada)": None,
    "": None,
}


def test_a_zone_that_no_clock_knows_is_none_and_stops_no_run(shop):
    shop.take(
        [
            record
            for said in ZONES
            for record in (
                identify("2026-03-01T08:00:00", f"<{said}>", timezone=said),
                event("Page Viewed", "2026-03-01T18:10:00", f"<{said}>"),
            )
        ]
    )
    shop.run("2026-03-02")
    assert dict(shop.rows("select user_id, time_zone from profiles.profiles")) == {
        f"<{said}>": zone for said, zone in ZONES.items()
    }
    assert shop.rows("select count(*) from profiles.profiles where usual_hour is null") == [(0,)]


def test_a_known_zone_of_another_device_counts_when_the_latest_is_unknown(shop):
    shop.take(
        [
            identify("2026-03-01T08:00:00", "", "laptop", timezone="Europe/Berlin"),
            identify("2026-03-01T09:00:00", "ann", "laptop", timezone="CEST"),
            identify("2026-03-01T10:00:00", "", "laptop", timezone="CEST"),
        ]
    )
    shop.run("2026-03-02")
    assert shop.rows("select time_zone from profiles.profiles") == [("Europe/Berlin",)]


def test_when_an_account_was_created_is_utc_and_what_names_no_moment_is_the_first_event(shop):
    shop.take(
        [
            identify("2026-03-01T08:00:00", "ann", createdAt="2025-12-01T10:00:00+02:00"),
            identify("2026-03-01T08:00:00", "bob", createdAt=1_700_000_000),
            identify("2026-03-01T08:00:00", "cid", createdAt="2025-12-01T10:00:00+02:00"),
        ]
    )
    shop.warehouse.execute("""
        update raw_events.events set traits = '{"createdAt": "1700000000", "birthday": "soon"}' where user_id = 'cid';
        update raw_events.events set traits = '{"createdAt": "2025-12-01T10:00:00+02:00"}' where user_id = 'ann'""")
    shop.run("2026-03-02")
    assert shop.rows("select user_id, created_at from profiles.profiles order by 1") == [
        ("ann", datetime(2025, 12, 1, 8)),
        ("bob", datetime(2023, 11, 14, 22, 13, 20)),
        ("cid", datetime(2026, 3, 1, 8)),
    ]


def test_values_of_any_shape_stop_no_run(shop):
    """Accepted long ago, by a laxer contract or under names that it does not judge: they cost themselves only."""
    odd = ["", "in stock", "1e15", 1e15, 1e300, -1, True, [], {}, [{"id": {}}], "\x00", "9999-12-31", "NaN"]
    shop.take(
        [
            record
            for number, value in enumerate(odd)
            for record in (
                identify("2026-03-01T08:00:00", f"u{number}", f"b{number}", address={"country": value}),
                identify("2026-03-01T09:00:00", f"u{number}", country=value, locale=value, firstName=value),
                event("Page Viewed", "2026-03-01T10:00:00", f"u{number}", product_id=value, cart_id=value)
                | {"context": {"externalIds": value, "device": value, "traits": value}},
            )
        ]
    )
    shop.take(
        [
            event(
                name,
                "2026-03-01T11:00:00",
                f"u{number}",
                product_id="p",
                order_id=f"o{number}",
                revenue=1,
                cart_id="c",
            )
            for number, _ in enumerate(odd)
            for name in (
                "Product Viewed",
                "Product Updated",
                "Product Added",
                "Order Completed",
                "Cart Viewed",
            )
        ]
    )
    garbage = [
        {
            "product_id": "p",
            "order_id": f"o{number}",
            "cart_id": "c",
            "currency": value,
            "inventory_quantity": value,
            "price": value,
            "quantity": value,
            "revenue": value,
            "discount": value,
            "products": [{"product_id": "p", "price": value, "quantity": value}, value],
        }
        for number, value in enumerate(odd)
    ]
    for number, properties in enumerate(garbage):
        text = json.dumps(properties).replace("'", "''")
        shop.warehouse.execute(
            f"update raw_events.events set properties = '{text}' where load_id = 2 and user_id = 'u{number}'"
        )
    shop.run("2026-03-02")
    assert shop.rows("select count(*) from profiles.profiles") == [(len(odd),)]


def test_the_usual_hour_is_local_on_both_sides_of_the_clock_change(shop):
    shop.take(
        [
            identify("2026-03-20T12:00:00", timezone="Europe/Berlin"),
            *(event("Page Viewed", f"2026-03-{day}T18:10:00") for day in (25, 26)),
            *(event("Page Viewed", f"2026-03-{day}T17:20:00") for day in (29, 30)),
            *(event("Page Viewed", f"2026-03-{day}T06:00:00") for day in (21, 22, 23)),
        ]
    )
    shop.run("2026-04-01")
    assert shop.rows("select usual_hour from profiles.profiles") == [(19,)]


def test_two_profiles_become_one_and_nothing_of_the_other_remains(shop):
    shop.take(
        [
            event("Page Viewed", "2026-03-01T10:00:00", "", "a1"),
            event("Subscribed", "2026-03-01T10:01:00", "", "a1", channel="email", source="footer"),
            event("Order Completed", "2026-03-01T09:00:00", order_id="o1", revenue=10),
        ]
    )
    shop.run("2026-03-02")
    assert shop.rows("select count(*) from profiles.profiles") == [(2,)]
    shop.take([event("Page Viewed", "2026-03-02T10:00:00", "ann", "a1")])
    shop.run("2026-03-03")
    assert shop.rows("""
        select profiles.user_id, profiles.order_count, profiles.event_count, consents.status, consents.source
        from profiles.profiles join profiles.consents using (profile_id)""") == [
        ("ann", 1, 4, "subscribed", "footer")
    ]
    assert shop.rows("select count(*) from profiles.consents") == [(1,)]


def test_the_push_token_is_the_last_device_that_was_not_revoked(shop):
    shop.take(
        [
            event("Device Registered", "2026-03-01T10:00:00", token="old"),
            event("Device Registered", "2026-03-01T11:00:00", token="new"),
            event("Device Revoked", "2026-03-01T12:00:00", token="new"),
        ]
    )
    shop.run("2026-03-02")
    assert shop.rows("select push_token from profiles.profiles") == [("old",)]


def test_a_token_that_the_vendor_revokes_under_the_profile_makes_room_for_the_device_before(shop):
    shop.take(
        [
            identify("2026-03-01T09:00:00", "", "browser", email="ann@x.example"),
            identify("2026-03-01T09:30:00", "ann", "browser"),
            event("Device Registered", "2026-03-01T10:00:00", token="old"),
            event("Device Registered", "2026-03-01T11:00:00", token="new"),
        ]
    )
    shop.run("2026-03-01 12:00:00")
    [(profile_id, token)] = shop.rows("select profile_id, push_token from profiles.profiles")
    revoked = {"profile_id": profile_id, "message_id": "m1", "channel": "push", "token": token}
    shop.take([event("Device Revoked", "2026-03-01T13:00:00", "", **revoked)])
    shop.run("2026-03-02")
    assert shop.rows("select push_token from profiles.profiles") == [("old",)]


def suppressed(shop) -> list[tuple]:
    return shop.rows("select channel, address, reason from profiles.suppressions order by all")


def test_an_unsubscription_holds_until_the_person_subscribes_again(shop):
    shop.take(
        [
            identify("2026-03-01T09:00:00", email="ann@x.example", phone="+49 170 1"),
            event("Subscribed", "2026-03-01T10:00:00", channel="email"),
            event("Unsubscribed", "2026-03-01T11:00:00", channel="email"),
        ]
    )
    shop.run("2026-03-02")
    assert suppressed(shop) == [("email", "ann@x.example", "unsubscribed")]
    assert shop.rows("select channel, status from profiles.consents") == [("email", "unsubscribed")]
    shop.take([event("Subscribed", "2026-03-02T11:00:00", channel="email")])
    shop.run("2026-03-03")
    assert suppressed(shop) == []


def test_complaints_and_hard_bounces_stay_and_concern_only_the_address_of_then(shop):
    shop.take([identify("2026-03-01T09:00:00", email="old@x.example")])
    shop.run("2026-03-01 12:00:00")
    [(profile_id,)] = shop.rows("select profile_id from profiles.profiles")
    message = {"message_id": "m1", "profile_id": profile_id, "channel": "email"}
    shop.take(
        [
            event("Email Bounced", "2026-03-01T13:00:00", "", **message, bounce_type="hard"),
            event("Email Marked as Spam", "2026-03-01T14:00:00", "", **message),
            event("Subscribed", "2026-03-01T15:00:00", channel="email"),
            identify("2026-03-01T16:00:00", email="new@x.example"),
        ]
    )
    shop.run("2026-03-02")
    assert suppressed(shop) == [("email", "old@x.example", "complained")]
    assert shop.rows("select email from profiles.profiles") == [("new@x.example",)]


def test_a_push_token_that_failed_for_good_is_closed_in_the_form_that_is_compared(shop):
    shop.take([event("Device Registered", "2026-03-01T09:00:00", token="AbC")])
    shop.run("2026-03-01 12:00:00")
    [(profile_id,)] = shop.rows("select profile_id from profiles.profiles")
    message = {"message_id": "m1", "profile_id": profile_id, "channel": "push"}
    shop.take([event("Push Notification Failed", "2026-03-01T13:00:00", "", **message, bounce_type="hard")])
    shop.run("2026-03-02")
    assert suppressed(shop) == [("push", "abc", "hard_bounced")]


def test_a_soft_bounce_suppresses_nothing(shop):
    shop.take(
        [
            identify("2026-03-01T09:00:00", email="ann@x.example"),
            event("Email Bounced", "2026-03-01T13:00:00", channel="email", bounce_type="soft"),
        ]
    )
    shop.run("2026-03-02")
    assert suppressed(shop) == []


def test_a_manual_suppression_of_an_address_is_global(shop):
    shop.take([event("Address Suppressed", "2026-03-01T09:00:00", address="Ann@X.example")])
    shop.run("2026-03-02")
    assert suppressed(shop) == [("*", "ann@x.example", "manual")]


@pytest.mark.parametrize(
    ("channel", "closed"),
    [
        ({"channel": "email"}, [("email", "ann@x.example")]),
        ({"channel": "sms"}, [("sms", "+491701")]),
        ({"channel": "push"}, [("push", "device")]),
        ({}, [("*", "+491701"), ("*", "ann@x.example"), ("*", "device")]),
        ({"channel": "sms", "phone": "+49 170 2"}, [("sms", "+491702")]),
        ({"channel": "sms", "address": "0049 170 3"}, [("sms", "+491703")]),
        ({"address": "0049 (170) 3-4"}, [("*", "+4917034")]),
        ({"channel": "email", "address": ""}, [("email", "ann@x.example")]),
    ],
)
def test_a_person_is_suppressed_on_the_channel_that_is_named_and_everywhere_without_one(
    shop, channel, closed
):
    context = {"context": {"traits": {"email": "ann@x.example"}}}
    shop.take(
        [
            identify("2026-03-01T08:00:00", email="ann@x.example", phone="+49 170 1"),
            event("Device Registered", "2026-03-01T08:00:00", token="device"),
            event("Address Suppressed", "2026-03-01T09:00:00", **channel) | context,
        ]
    )
    shop.run("2026-03-02")
    assert sorted(set(suppressed(shop))) == [(*where, "manual") for where in closed]


@pytest.mark.parametrize("names", [("a", "z"), ("z", "a")])
def test_of_a_yes_and_a_no_at_the_same_moment_the_no_counts_whatever_their_ids(open_shop, names):
    at = "2026-03-01T10:00:00"
    words = [
        event(name, at, channel="email") | {"messageId": event_id}
        for name, event_id in zip(("Subscribed", "Unsubscribed"), names, strict=True)
    ]
    person = identify("2026-03-01T09:00:00", email="ann@x.example")
    for batches in ([[person, *words]], [[person, words[0]], [words[1]]], [[person, words[1]], [words[0]]]):
        shop = open_shop()
        for day, batch in enumerate(batches):
            shop.take(batch)
            shop.run(f"2026-03-0{day + 2}")
        assert shop.rows("select status from profiles.consents") == [("unsubscribed",)]
        assert suppressed(shop) == [("email", "ann@x.example", "unsubscribed")]


@pytest.mark.parametrize("names", [("a", "z"), ("z", "a")])
def test_a_device_revoked_at_the_moment_of_its_registration_is_revoked(shop, names):
    at = "2026-03-01T10:00:00"
    for day, (name, event_id) in enumerate(zip(("Device Revoked", "Device Registered"), names, strict=True)):
        shop.take([event(name, at, token="device") | {"messageId": event_id}])
        shop.run(f"2026-03-0{day + 2}")
    assert shop.rows("select push_token from profiles.profiles") == [(None,)]


def test_a_gift_to_a_friend_joins_nobody(shop):
    shop.take(
        [
            identify("2026-03-01T09:00:00", email="ann@x.example"),
            event("Gift Card Sent", "2026-03-01T10:00:00", email="bob@friend.example", phone="+49 170 9"),
        ]
    )
    shop.run("2026-03-02")
    assert shop.rows("select user_id, email, phone from profiles.profiles") == [
        ("ann", "ann@x.example", None)
    ]
    assert shop.rows("select identifier from profiles.profile_identifiers order by all") == [
        ("ann",),
        ("ann@x.example",),
    ]


def test_a_stop_closes_the_number_for_every_message_until_start_comes_from_the_same_phone(shop):
    reply = {"channel": "sms", "address": "+43123", "phone": "+43123"}
    shop.take(
        [
            identify("2026-03-01T09:00:00", phone="+43 123"),
            event("Subscribed", "2026-03-01T10:00:00", channel="sms"),
            event("Unsubscribed", "2026-03-01T11:00:00", "", **reply, reason="stop"),
        ]
    )
    shop.run("2026-03-02")
    consents = "select channel, status from profiles.consents"
    assert (suppressed(shop), shop.rows(consents)) == ([("sms", "+43123", "stop")], [("sms", "unsubscribed")])
    shop.take([event("Subscribed", "2026-03-02T10:00:00", channel="sms")])
    shop.run("2026-03-03")
    assert suppressed(shop) == [("sms", "+43123", "stop")]  # a yes on a page does not reach the carrier
    shop.take([event("Subscribed", "2026-03-03T11:00:00", "", **reply, reason="start")])
    shop.run("2026-03-04")
    assert (suppressed(shop), shop.rows(consents)) == ([], [("sms", "subscribed")])


def test_a_hard_failure_on_whatsapp_closes_the_number_there_and_nowhere_else(shop):
    failed = {"channel": "whatsapp", "address": "+43123", "bounce_type": "hard", "message_id": "m1"}
    shop.take([event("WhatsApp Message Failed", "2026-03-01T11:00:00", "", **failed)])
    shop.run("2026-03-02")
    assert suppressed(shop) == [("whatsapp", "+43123", "hard_bounced")]


def test_messages_are_part_of_the_timeline(shop):
    shop.take([event("Page Viewed", "2026-03-01T09:00:00")])
    shop.run("2026-03-01 12:00:00")
    [(profile_id,)] = shop.rows("select profile_id from profiles.profiles")
    shop.take([event("Email Opened", "2026-03-01T13:00:00", "", message_id="m1", profile_id=profile_id)])
    shop.run("2026-03-02")
    assert shop.rows("select kind, reference from profiles.profile_timeline where kind <> 'page_viewed'") == [
        ("message_opened", "m1")
    ]
    assert shop.rows("select last_opened_at from profiles.profiles") == [(datetime(2026, 3, 1, 13),)]


def test_every_zone_of_the_seed_is_one_to_the_warehouse(shop):
    known = "select lower(name) from pg_timezone_names()"
    assert (
        shop.rows(f"select time_zone from settings.time_zones where lower(time_zone) not in ({known})") == []
    )
    assert (
        shop.rows("""
        select country from settings.country_time_zones
        where
            first_time_zone not in (select time_zone from settings.time_zones)
            or last_time_zone not in (select time_zone from settings.time_zones)""")
        == []
    )
