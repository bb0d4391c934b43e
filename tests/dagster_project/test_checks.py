"""Circuit breakers are pure: facts of a list and its history in, words out."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from dagster_project.checks import BREAKERS, ListFacts, decide
from dagster_project.runs import JudgedList, Release

NOON = datetime.fromisoformat("2026-11-20T12:00")
ALL_FINE = ListFacts(message_count=40, marketing_count=30, marketing_with_consent_count=30, consent_share=0.5)


def weekly(*counts: int, consent_share: float = 0.5) -> list[JudgedList]:
    return [
        JudgedList(NOON - timedelta(weeks=weeks), count, consent_share, is_blocked=False)
        for weeks, count in enumerate(counts, start=1)
    ]


def objections(facts: ListFacts, past: list[JudgedList], release: Release | None = None) -> dict[str, str]:
    verdicts = decide(facts, past, NOON, release)
    return {verdict.check: verdict.severity for verdict in verdicts if verdict.severity != "ok"}


def test_an_ordinary_list_goes():
    assert objections(ALL_FINE, weekly(38, 41, 35, 44)) == {}


def test_a_new_installation_has_no_history_that_could_object():
    assert objections(ListFacts(message_count=100_000), []) == {}


def test_an_empty_list_is_held_when_every_such_hour_had_messages():
    assert objections(ListFacts(message_count=0), weekly(38, 41, 35, 44)) == {"list_is_not_empty": "blocked"}


def test_an_empty_list_goes_when_such_hours_are_often_empty():
    assert objections(ListFacts(message_count=0), weekly(38, 0, 35, 44)) == {}


def test_a_list_of_more_than_three_times_the_largest_is_held():
    huge = ListFacts(message_count=3_001)
    assert objections(huge, weekly(1_000, 900, 800, 700)) == {"list_size_is_usual": "blocked"}
    assert objections(huge, weekly(1_001, 900, 800, 700)) == {}


def test_a_small_list_may_grow_by_multiples():
    assert objections(ListFacts(message_count=500), weekly(1, 2, 3, 4)) == {}


def test_other_hours_of_the_week_do_not_count_as_history():
    yesterday = [JudgedList(NOON - timedelta(days=day), 10, 0.5, is_blocked=False) for day in range(1, 7)]
    assert objections(ListFacts(message_count=5_000), yesterday) == {}


def test_one_marketing_message_without_consent_holds_the_list():
    facts = ListFacts(message_count=2, marketing_count=2, marketing_with_consent_count=1)
    assert objections(facts, []) == {"every_marketing_message_has_consent": "blocked"}


@pytest.mark.parametrize("share", [0.35, 0.65])
def test_a_jump_of_consent_is_held(share):
    facts = ListFacts(message_count=1, consent_share=share)
    assert objections(facts, weekly(1)) == {"consent_share_is_steady": "blocked"}


def test_consent_is_compared_with_the_last_list_that_went():
    held = JudgedList(NOON - timedelta(hours=1), 40, 0.9, is_blocked=True)
    assert objections(ALL_FINE, [held, *weekly(40)]) == {}
    assert objections(ListFacts(message_count=1, consent_share=0.9), [held, *weekly(40)]) == {
        "consent_share_is_steady": "blocked"
    }


def test_a_stale_consent_feed_is_said_but_holds_nothing_more():
    assert objections(ListFacts(message_count=1, stale_consent_count=7), []) == {
        "consent_feed_is_fresh": "warning"
    }


def test_many_failures_of_the_last_day_hold_the_list():
    assert objections(ListFacts(1, sent_count=100, failed_count=21), []) == {"messages_arrive": "blocked"}
    assert objections(ListFacts(1, sent_count=100, failed_count=20), []) == {}
    assert objections(ListFacts(1, sent_count=10, failed_count=10), []) == {}


def test_a_release_lets_the_list_go_that_the_person_saw():
    huge, past = ListFacts(message_count=5_000), weekly(1_000, 900, 800, 700)
    by_ada = Release(NOON, message_count=5_000, released_by="Ada")
    assert objections(huge, past, by_ada) == {"list_size_is_usual": "warning"}
    assert "released by Ada" in next(
        v.reason for v in decide(huge, past, NOON, by_ada) if v.severity == "warning"
    )


def test_a_release_does_not_cover_a_list_that_has_grown_since():
    by_ada = Release(NOON, message_count=5_000, released_by="Ada")
    grown = ListFacts(message_count=5_501)
    assert objections(grown, weekly(1_000, 900, 800, 700), by_ada) == {"list_size_is_usual": "blocked"}


def test_nobody_can_release_a_message_without_consent():
    facts = ListFacts(message_count=2, marketing_count=2, marketing_with_consent_count=1)
    by_ada = Release(NOON, message_count=2, released_by="Ada")
    assert objections(facts, [], by_ada) == {"every_marketing_message_has_consent": "blocked"}


def test_every_breaker_answers_under_its_own_name():
    assert [verdict.check for verdict in decide(ALL_FINE, [], NOON)] == [
        breaker.__name__ for breaker in BREAKERS
    ]
