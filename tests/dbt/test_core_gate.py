"""The gate: an event enters once, when it is visible, however often and however late it arrives."""

from __future__ import annotations

GATE = ["stg_events__events", "int_events"]


def viewed(event_id: str, moment: str, received: str | None = None, **properties: str) -> dict:
    return {
        "messageId": event_id,
        "event": "Product Viewed",
        "userId": "ann",
        "timestamp": f"{moment}Z",
        "receivedAt": f"{received or moment}Z",
        "properties": {"product_id": "p1", **properties},
    }


def entered(shop) -> list[tuple]:
    return shop.rows(
        "select event_id, strftime(seen_at, '%m-%d') from intermediate.int_events order by event_id"
    )


def test_a_repeated_event_enters_once_even_years_later_and_with_another_clock(shop):
    shop.take([viewed("old", "2024-01-01T10:00:00"), viewed("new", "2026-03-01T10:00:00")])
    shop.run("2026-03-02", GATE)
    shop.take(
        [
            viewed("old", "2024-01-01T10:00:07", "2026-03-02T10:00:00"),
            viewed("new", "2026-03-01T10:00:00"),
            viewed("late", "2025-06-01T10:00:00", "2026-03-02T11:00:00"),
        ]
    )
    shop.run("2026-03-03", GATE)
    assert entered(shop) == [("late", "03-03"), ("new", "03-02"), ("old", "03-02")]


def test_an_event_dated_in_the_future_enters_when_its_time_has_come(shop):
    shop.take(
        [viewed("now", "2026-03-01T10:00:00"), viewed("soon", "2026-03-02T10:00:00", "2026-03-01T11:00:00")]
    )
    shop.run("2026-03-02", GATE)
    assert entered(shop) == [("now", "03-02")]
    shop.run("2026-03-03", GATE)
    assert entered(shop) == [("now", "03-02"), ("soon", "03-03")]


def test_a_second_run_as_of_the_same_moment_takes_what_arrived_in_between(shop):
    models = [*GATE, "event_kinds", "int_identifier_links", "int_identifier_profiles"]
    shop.take([viewed("first", "2026-03-01T10:00:00")])
    shop.run("2026-03-02", models)
    shop.take([viewed("second", "2026-03-01T11:00:00") | {"userId": "bob"}])
    shop.run("2026-03-02", models)
    assert shop.rows("select identifier from intermediate.int_identifier_profiles order by all") == [
        ("ann",),
        ("bob",),
    ]


def test_a_run_as_of_an_earlier_moment_loses_nothing(shop):
    shop.take([viewed("today", "2026-03-01T10:00:00")])
    shop.run("2026-03-02", GATE)
    shop.take([viewed("long ago", "2011-12-01T10:00:00"), viewed("next day", "2011-12-02T10:00:00")])
    shop.run("2011-12-02", GATE)
    assert [event_id for event_id, _ in entered(shop)] == ["long ago", "today"]
    shop.run("2011-12-03", GATE)
    assert [event_id for event_id, _ in entered(shop)] == ["long ago", "next day", "today"]


def test_an_empty_first_run_does_not_close_the_gate(shop):
    shop.run("2026-03-01", GATE)
    shop.take([viewed("first", "2026-03-01T10:00:00")])
    shop.run("2026-03-02", GATE)
    assert entered(shop) == [("first", "03-02")]
