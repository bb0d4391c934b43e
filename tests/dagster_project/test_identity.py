"""`millrace identity`: who is who, why, and a person's word against a link."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from connectors.events.files import EventFiles
from dagster_project import identity

LATER = datetime(2026, 3, 11, 13)


@pytest.fixture
def quiet_shop(small_shop, tmp_path):
    """The small shop, with a landing of its own: words end there, and no other test hears them."""
    return type(small_shop).under(small_shop.home, {"MILLRACE_LANDING": str(tmp_path)})


def test_a_person_is_found_by_any_spelling_of_any_identifier(quiet_shop):
    rows = identity.show(quiet_shop, " Ann@Example.com ")
    assert {(row["identifier_type"], row["identifier"]) for row in rows} == {
        ("user_id", "ann"),
        ("email", "ann@example.com"),
    }
    assert identity.show(quiet_shop, "user_id:ann") == rows


def test_the_event_that_links_two_identifiers_is_named(quiet_shop):
    [link] = identity.path(quiet_shop, "ann", "ann@example.com")
    assert (link["identifier"], link["linked_identifier"], link["refused_because"]) == (
        "ann@example.com",
        "ann",
        None,
    )
    assert link["event_id"]
    assert identity.path(quiet_shop, "ann", "bob") == []


def test_a_word_lands_as_an_event_without_addresses(quiet_shop):
    [link] = identity.judge(
        quiet_shop, "unlink", "ann@example.com", None, by="Ada", reason="a mistake", now=LATER
    )
    assert identity.still_joined(quiet_shop, [link]) == []
    landing = quiet_shop.open_landing()
    [file] = landing.files()
    with landing.read(file.name) as stream:
        assert b"ann@example.com" not in stream.read()
    with landing.read(file.name) as stream:
        [batch] = EventFiles().read(file.name, stream)
    [event] = batch.events.to_pylist()
    assert (event["event_name"], event["occurred_at"]) == ("Identifiers Unlinked", LATER)
    assert json.loads(event["properties"])["by"] == "Ada"


@pytest.mark.parametrize(
    ("action", "text", "other", "what"),
    [
        ("unlink", "nobody@example.com", None, "no event"),
        ("unlink", "ann", "bob", "not one person"),
        ("relink", "ann", None, "nobody has unlinked"),
    ],
)
def test_what_cannot_be_judged_is_said(quiet_shop, action, text, other, what):
    with pytest.raises(LookupError, match=what):
        identity.judge(quiet_shop, action, text, other, by="Ada", reason="a mistake", now=LATER)
