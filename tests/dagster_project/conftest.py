"""One small shop for everything that only looks: four people, one morning, two ticks with real delivery to files."""

from __future__ import annotations

import shlex
import sys
from datetime import datetime
from pathlib import Path

import pytest

from dagster_project import cli
from dagster_project.settings import Settings
from dagster_project.tick import TickResult, tick

MORNING = datetime.fromisoformat("2026-03-11T09:00")
NOON = datetime.fromisoformat("2026-03-11T12:00")


def event(number: int, person: str, name: str, hour: str, **properties: object) -> dict[str, object]:
    return {
        "type": "track",
        "messageId": f"e{number}",
        "event": name,
        "userId": person,
        "timestamp": f"2026-03-11T{hour}:00Z",
        "properties": properties,
    }


def people() -> list[dict[str, object]]:
    return [
        {
            "type": "identify",
            "messageId": f"i{person}",
            "userId": person,
            "timestamp": "2026-03-11T08:00:00Z",
            "traits": {"email": f"{person}@example.com", "firstName": person.title(), "country": "DE"},
        }
        for person in ("ann", "bob", "cid", "dan")
    ]


@pytest.fixture(scope="session")
def small_shop(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Ann and Bob asked for mail, Cid did not and bought, Dan unsubscribed; one record is broken."""
    settings = Settings.under(tmp_path_factory.mktemp("small_shop") / "home")
    tea = {"product_id": "sencha", "name": "Sencha", "category": "Tea", "price": 14.0, "quantity": 1}
    consent = {"channel": "email", "purpose": "marketing", "source": "form"}
    landing = settings.open_landing()
    landing.write("people.ndjson", [*people(), {"type": "track", "messageId": "broken"}])
    landing.write(
        "events.ndjson",
        [
            event(1, "ann", "Subscribed", "08:30", **consent),
            event(2, "bob", "Subscribed", "08:31", **consent),
            event(3, "dan", "Subscribed", "08:32", **consent),
            event(4, "dan", "Unsubscribed", "08:40", **consent),
            event(5, "cid", "Order Completed", "08:45", order_id="o1", currency="EUR", products=[tea]),
        ],
    )
    tick(settings, MORNING)
    tick(settings, NOON)
    return settings


@pytest.fixture
def morning(small_shop: Settings) -> TickResult:
    """The moment of the last tick again: nothing may change."""
    return tick(small_shop, NOON)


@pytest.fixture
def at_home(small_shop: Settings, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Commands find the small shop."""
    monkeypatch.setenv("MILLRACE_HOME", str(small_shop.home))
    return small_shop.home


def millrace(
    line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command line."""
    monkeypatch.setattr(sys, "argv", ["millrace", *shlex.split(line)])
    with pytest.raises(SystemExit) as stopped:
        cli.main()
    said = capsys.readouterr()
    return int(stopped.value.code or 0), said.out, said.err


@pytest.fixture
def call(capsys, monkeypatch):
    return lambda line: millrace(line, capsys, monkeypatch)
