"""Who is who: linked identifiers are one person, whatever the order and the batches in which events arrive."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

import pytest

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


def components(records: list[dict]) -> set[frozenset[str]]:
    """The same by the textbook: union of everything that an event names together."""
    parents: dict[str, str] = {}

    def root(name: str) -> str:
        parents.setdefault(name, name)
        return name if parents[name] == name else root(parents[name])

    for record in records:
        names = [
            record.get("userId"),
            record["traits"].get("email"),
            record["traits"].get("phone"),
            record.get("anonymousId"),
        ]
        first, *others = [name for name in names if name]
        root(first)
        for other in others:
            parents[root(other)] = root(first)
    return {frozenset(name for name in parents if root(name) == one) for one in map(root, parents)}


def random_sightings(chance: random.Random) -> list[dict]:
    kinds = {"user": "u", "browser": "a", "email": "e", "phone": "+49"}
    records = []
    for number in range(40):
        chosen = chance.sample(sorted(kinds), chance.choice([1, 2, 2, 3]))
        identifiers = {
            kind: f"{kinds[kind]}{chance.randrange(100, 116)}" + ("@x.example" if kind == "email" else "")
            for kind in chosen
        }
        if not {"user", "browser"} & set(chosen):
            identifiers["browser"] = f"a{chance.randrange(100, 116)}"
        records.append(seen(f"e{number}", chance.randrange(10_000), **identifiers))
    return records


@pytest.mark.parametrize("seed", range(3))
def test_identity_does_not_depend_on_order_or_batches(open_shop, seed):
    chance = random.Random(seed)
    records = random_sightings(chance)
    no_guard = {"shared_identifier_limit": 1_000}
    outcomes = []
    for batches in (1, 5):
        shop = open_shop()
        chance.shuffle(records)
        for batch in range(batches):
            shop.take(records[batch::batches])
            shop.run(START + timedelta(days=10 + batch), IDENTITY, **no_guard)
        assert people(shop) == components(records)
        outcomes.append(
            sorted(
                shop.rows(
                    "select identifier_id, profile_id, first_seen_at, linked_by_event_id, linked_at "
                    "from intermediate.int_identifier_profiles"
                ),
                key=str,
            )
        )
    assert outcomes[0] == outcomes[1]


def test_a_person_is_named_after_the_identifier_seen_first(shop):
    shop.take([seen("later", 60, user="ann", browser="a1"), seen("first", 5, browser="a1")])
    shop.run("2026-03-02", IDENTITY)
    assert shop.rows("""
        select identifiers.identifier, names.identifier as named_after, identifiers.linked_by_event_id
        from intermediate.int_identifier_profiles as identifiers
        join intermediate.int_identifier_profiles as names on identifiers.profile_id = names.identifier_id
        order by all""") == [("a1", "a1", "later"), ("ann", "a1", "later")]


def test_an_address_shared_by_many_customers_does_not_make_them_one_person(shop):
    family = [
        seen(f"e{number}", number, user=f"u{number}", email="family@x.example")
        for number in range(SHARED_LIMIT + 1)
    ]
    shop.take(family[:SHARED_LIMIT])
    shop.run("2026-03-02", IDENTITY)
    assert len(people(shop)) == 1
    shop.take(family[SHARED_LIMIT:])
    shop.run("2026-03-03", IDENTITY)
    assert people(shop) == {frozenset([f"u{number}"]) for number in range(SHARED_LIMIT + 1)} | {
        frozenset(["family@x.example"])
    }


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
