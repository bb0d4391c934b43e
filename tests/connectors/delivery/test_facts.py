"""Fresh facts: read once from what has landed and is not loaded."""

from datetime import timedelta

from sqlalchemy import func, select

from connectors import tables
from connectors.delivery import take_fresh_facts
from connectors.delivery.facts import SIGNALS, forget_old_facts
from connectors.store import is_in_force


def order(number, now):
    return {
        "type": "track",
        "messageId": f"order-{number}",
        "event": "Order Completed",
        "userId": "ann",
        "timestamp": now.isoformat() + "Z",
        "properties": {"order_id": str(number), "revenue": 10},
    }


def kept(store):
    with store.transaction() as connection:
        return connection.scalar(select(func.count()).select_from(tables.facts))


def test_a_file_is_read_once(store, landing, now):
    landing.write("a.ndjson", [order(1, now), order(2, now)])
    assert [take_fresh_facts(store, landing, set()) for _ in range(2)] == [2, 0]


def test_a_file_that_has_changed_is_read_again_and_counts_once(store, landing, now):
    landing.write("a.ndjson", [order(1, now)])
    take_fresh_facts(store, landing, set())
    landing.write("a.ndjson", [order(1, now), order(2, now)])
    take_fresh_facts(store, landing, set())
    assert kept(store) == 2


def test_a_file_that_the_warehouse_knows_is_not_read(store, landing, now):
    landing.write("a.ndjson", [order(1, now)])
    assert take_fresh_facts(store, landing, {"a.ndjson"}) == 0


def test_notes_about_files_go_when_the_files_are_archived(store, landing, now):
    for name in ("a.ndjson", "b.ndjson"):
        landing.write(name, [order(name, now)])
    take_fresh_facts(store, landing, set())
    landing.archive(landing.files()[:1], now.date())
    assert take_fresh_facts(store, landing, set()) == 0
    with store.transaction() as connection:
        assert connection.execute(select(tables.read_files.c.file)).scalars().all() == ["b.ndjson"]


def test_what_cannot_be_read_does_not_hide_what_can(store, landing, now):
    landing.write("a.ndjson", [{"type": "nonsense"}, order(1, now)])
    assert take_fresh_facts(store, landing, set()) == 1


def test_facts_are_forgotten_when_the_warehouse_has_known_them_for_a_week(store, landing, now):
    landing.write("a.ndjson", [order(1, now - timedelta(days=8)), order(2, now)])
    take_fresh_facts(store, landing, set())
    forget_old_facts(store, now)
    assert kept(store) == 1


def test_signals_have_the_words_of_the_warehouse(request):
    seed = request.config.rootpath / "dbt" / "seeds" / "event_kinds.csv"
    words = dict(line.split(",")[:2] for line in seed.read_text().splitlines()[1:])
    assert {name: words.get(name) for name in SIGNALS} == SIGNALS


def test_a_stop_that_landed_elsewhere_closes_the_number_until_start(store, landing, now):
    stop = {"channel": "sms", "address": "+43123", "phone": "+43123", "reason": "stop"}
    landing.write("a.ndjson", [told("Unsubscribed", now, **stop)])
    take_fresh_facts(store, landing, set())
    assert closed(store) == [("sms", "+43123", "stop")]
    landing.write("b.ndjson", [told("Subscribed", now + timedelta(hours=1), **stop | {"reason": "start"})])
    take_fresh_facts(store, landing, set())
    assert closed(store) == []


def test_a_number_is_closed_as_the_warehouse_writes_it(store, landing, now):
    landing.write("a.ndjson", [told("Address Suppressed", now, channel="sms", address="0043 1 23")])
    take_fresh_facts(store, landing, set())
    assert closed(store) == [("sms", "+43123", "manual")]


def test_a_number_that_is_closed_on_all_channels_is_one_however_it_is_written(store, landing, now):
    for name, address in enumerate(("+49 (171) 234-5678", "Ann@Shop.example ")):
        landing.write(f"{name}.ndjson", [told("Address Suppressed", now, address=address)])
    take_fresh_facts(store, landing, set())
    assert closed(store) == [("*", "+491712345678", "manual"), ("*", "ann@shop.example", "manual")]


def test_what_a_scanner_clicked_is_no_fact(store, landing, now):
    for name, said in enumerate((True, "true", False)):
        click = told("Email Link Clicked", now, is_machine=said, message_id="m1") | {"messageId": f"c{name}"}
        landing.write(f"{name}.ndjson", [click])
    assert take_fresh_facts(store, landing, set()) == 1


def test_a_token_is_registered_revoked_and_registered_again(store, landing, now):
    def tokens():
        with store.transaction() as connection:
            return connection.execute(
                select(tables.device_tokens.c.token, tables.device_tokens.c.status)
            ).all()

    landing.write("a.ndjson", [told("Device Registered", now, token="AbC", platform="ios")])
    take_fresh_facts(store, landing, set())
    assert (tokens(), closed(store)) == ([("AbC", "active")], [])
    landing.write("b.ndjson", [told("Device Revoked", now + timedelta(hours=1), token="AbC")])
    take_fresh_facts(store, landing, set())
    assert (tokens(), closed(store)) == ([("AbC", "invalid_token")], [("push", "abc", "invalid_token")])
    landing.write("c.ndjson", [told("Device Registered", now + timedelta(hours=2), token="AbC")])
    take_fresh_facts(store, landing, set())
    assert (tokens(), closed(store)) == ([("AbC", "active")], [])


def told(event, at, **properties):
    return {
        "type": "track",
        "messageId": f"{event}-{at}",
        "event": event,
        "userId": "ann",
        "timestamp": at.isoformat() + "Z",
        "properties": properties,
    }


def closed(store):
    columns = (tables.suppressions.c[name] for name in ("channel", "address", "reason"))
    with store.transaction() as connection:
        return connection.execute(select(*columns).where(is_in_force())).all()
