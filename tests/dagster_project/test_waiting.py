"""A message that waits on the list (it is held, a provider is down) is looked at again before it goes."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from dagster_project.reading import ask
from dagster_project.settings import Settings
from dagster_project.tick import tick
from tests.dagster_project.conftest import MORNING, NOON, event

TEA = {"product_id": "sencha", "name": "Sencha", "category": "Tea", "price": 14.0, "quantity": 1}
ORDER = {"order_id": "o1", "currency": "EUR", "products": [TEA]}
CONSENT = {"channel": "email", "purpose": "marketing", "source": "form"}
ADDRESS = {"email": "ann@example.com"}


def identify(
    number: int, hour: str, person: str | None, browser: str | None = None, **traits: str
) -> dict[str, object]:
    call = event(number, person or "", "", hour) | {"type": "identify", "event": None, "traits": traits}
    return call | {"userId": person, "anonymousId": browser}


def from_browser(call: dict[str, object]) -> dict[str, object]:
    return call | {"userId": None, "anonymousId": "browser"}


CROWD = [identify(100 + n, "07:00", f"p{n}", email=f"p{n}@example.com") for n in range(20)]
"""So many others that one no does not look like a broken consent feed."""


@pytest.fixture
def welcomed(tmp_path: Path):
    """`welcomed(before, meanwhile)`: what became of a welcome that waits from nine to noon, while more lands."""

    def live(before: list[dict[str, object]], meanwhile: list[dict[str, object]]) -> list[tuple[object, ...]]:
        settings = Settings.under(tmp_path / "home")
        landing = settings.open_landing()
        landing.write("before.ndjson", [*before, *CROWD])
        tick(settings, MORNING, deliver=False)
        waiting = ask(settings, "select template from sends.outbox").to_pylist()
        assert waiting == [{"template": "welcome"}]
        landing.write("meanwhile.ndjson", meanwhile)
        tick(settings, NOON)
        tick(settings, NOON + timedelta(hours=1))
        rows = ask(settings, "select status, reason from sends where template = 'welcome'")
        return [tuple(row.values()) for row in rows.to_pylist()]

    return live


ANN_SUBSCRIBES = [identify(1, "08:00", "ann", **ADDRESS), event(2, "ann", "Subscribed", "08:30", **CONSENT)]


def test_it_goes_when_nothing_has_happened(welcomed):
    assert welcomed(ANN_SUBSCRIBES, []) == [("sent", None)]


def test_it_does_not_go_after_an_order_that_came_with_a_file(welcomed):
    assert welcomed(ANN_SUBSCRIBES, [event(3, "ann", "Order Completed", "10:00", **ORDER)]) == [
        ("skipped", "exited")
    ]


def test_it_does_not_go_after_an_order_of_somebody_who_turned_out_to_be_the_same_person(welcomed):
    order = from_browser(event(3, "", "Order Completed", "08:45", **ORDER))
    assert welcomed([*ANN_SUBSCRIBES, order], [identify(4, "10:00", "ann", "browser")]) == [
        ("skipped", "exited")
    ]


GUEST_SUBSCRIBES = [
    identify(1, "08:00", "ann"),
    from_browser(event(2, "", "Subscribed", "08:30", **CONSENT, **ADDRESS)),
]


def test_it_goes_to_somebody_who_was_joined_with_an_older_profile(welcomed):
    assert welcomed(GUEST_SUBSCRIBES, [identify(3, "10:00", "ann", **ADDRESS)]) == [("sent", None)]


def test_it_does_not_go_to_somebody_who_was_joined_and_then_unsubscribed(welcomed):
    no = event(4, "ann", "Unsubscribed", "11:00", **CONSENT)
    assert welcomed(GUEST_SUBSCRIBES, [identify(3, "10:00", "ann", **ADDRESS), no]) == [
        ("skipped", "no_consent")
    ]
