"""Who is who: linked identifiers are one person, whatever the order and the batches in which events arrive."""

from __future__ import annotations

from datetime import datetime, timedelta

from tests.dbt.conftest import CORE

IDENTITY = ["stg_events__events", "int_events", "int_identifier_links", "int_identifier_profiles"]
START = datetime(2026, 3, 1)
SHARED_LIMIT = 5


def seen(event_id: str, minute: int, **identifiers: str) -> dict:
    names = {"user": "userId", "browser": "anonymousId"}
    moment = f"{START + timedelta(minutes=minute):%Y-%m-%dT%H:%M:%SZ}"
    record = {
        "messageId": event_id,
        "type": "identify",
        "timestamp": moment,
        "receivedAt": moment,
        "traits": {},
    }
    for kind, value in identifiers.items():
        if kind in names:
            record[names[kind]] = value
        else:
            record["traits"][kind] = value
    return record


def people(shop) -> set[frozenset[str]]:
    """The identifiers of each person."""
    rows = shop.rows("select identifier, profile_id from intermediate.int_identifier_profiles")
    return {
        frozenset(name for name, profile in rows if profile == one)
        for one in {profile for _, profile in rows}
    }


def test_a_person_is_named_after_the_identifier_seen_first(shop):
    shop.take([seen("later", 60, user="ann", browser="a1"), seen("first", 5, browser="a1")])
    shop.run("2026-03-02", IDENTITY)
    assert shop.rows("""
        select identifiers.identifier, names.identifier as named_after, identifiers.linked_by_event_id
        from intermediate.int_identifier_profiles as identifiers
        join intermediate.int_identifier_profiles as names on identifiers.profile_id = names.identifier_id
        order by all""") == [("a1", "a1", "later"), ("ann", "a1", "later")]


def test_an_address_shared_by_many_identifies_none_of_them(shop):
    family = [
        seen(f"e{number}", number, phone=f"+4917{number}", email="family@x.example", browser=f"b{number}")
        for number in range(2)
    ] + [seen(f"u{number}", 10 + number, user=f"u{number}", email="family@x.example") for number in range(6)]
    shop.take(family[:-1])
    shop.run("2026-03-02", IDENTITY)
    assert frozenset(["family@x.example", "u0", "+49170", "+49171", "b0", "b1"]) in people(shop)
    shop.take(family[-1:])
    shop.run("2026-03-03", IDENTITY)
    assert {frozenset([f"u{number}"]) for number in range(SHARED_LIMIT + 1)} < people(shop)
    assert frozenset(["family@x.example", "+49170", "+49171", "b0", "b1"]) in people(shop)


def test_an_old_profile_id_still_leads_to_the_person(shop):
    shop.take([seen("e1", 1, user="ann"), seen("e2", 2, browser="a1")])
    shop.run("2026-03-02", IDENTITY)
    before = shop.rows("select profile_id from intermediate.int_identifier_profiles where identifier = 'a1'")
    shop.take([seen("e3", 3, user="ann", browser="a1")])
    shop.run("2026-03-03", IDENTITY)
    [(retired,)] = before
    assert shop.rows(f"""
        select names.identifier from intermediate.int_identifier_profiles as old
        join intermediate.int_identifier_profiles as names on old.profile_id = names.identifier_id
        where old.identifier_id = '{retired}'""") == [("ann",)]


def said(event_id: str, minute: int, name: str, properties: dict, **names: str) -> dict:
    return seen(event_id, minute) | {"type": "track", "event": name, "properties": properties, **names}


def consents(shop) -> dict[str, str]:
    return dict(
        shop.rows("""
        select identifier, status from profiles.consents
        inner join profiles.profile_identifiers using (profile_id) where identifier in ('ann', 'b@x.example')""")
    )


def test_after_an_unlink_each_has_her_own_again_and_a_no_counts_for_both(shop):
    news = {"channel": "email"}
    shop.take(
        [
            seen("ann", 1, user="ann", phone="+49170"),
            seen("bob", 2, email="b@x.example", phone="+49170"),
            said("yes 1", 3, "Subscribed", news, userId="ann"),
            said("yes 2", 4, "Subscribed", news | {"email": "b@x.example"}),
            said("bought", 5, "Order Completed", {"order_id": "o1", "total": 9, "email": "b@x.example"}),
            said("no", 6, "Unsubscribed", news, userId="ann"),
            said("changed her mind", 3_000, "Subscribed", news, userId="ann"),
        ]
    )
    shop.run("2026-03-02", CORE)
    [(phone, ann)] = shop.rows("""
        select identifier_id, linked_identifier_id from profiles.identity_links
        where identifier_type = 'phone' and linked_identifier = 'ann'""")
    pair = {"identifier_id": phone, "linked_identifier_id": ann}
    shop.take([said("word", 2_000, "Identifiers Unlinked", pair)])
    shop.run("2026-03-03", CORE)
    assert len(people(shop)) == 2
    assert shop.rows("select user_id, order_count from profiles.profiles order by all") == [
        ("ann", 0),
        (None, 1),
    ]
    assert consents(shop) == {"ann": "unsubscribed", "b@x.example": "unsubscribed"}
    assert shop.rows("select kind, event_id from profiles.identity_merges where kind = 'split'") == [
        ("split", "word")
    ]
    shop.run("2026-03-04", CORE)
    assert consents(shop) == {"ann": "subscribed", "b@x.example": "unsubscribed"}
    shop.take([said("word back", 5_000, "Identifiers Relinked", pair)])
    shop.run("2026-03-05", CORE)
    assert len(people(shop)) == 1
    assert shop.rows("select order_count from profiles.profiles") == [(1,)]
