"""What is declared of new domains and of late messages."""

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.delivery import deliver, ledger
from connectors.delivery.held import release_late
from connectors.delivery.policies import Late, Policies, WarmUp
from connectors.errors import TryAgain
from connectors.landing import open_landing
from connectors.model import Receipt
from connectors.store import open_store
from tests.connectors.delivery.vendor import Vendor

both_stores = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
DAY = timedelta(days=1)


def warming(*per_day, provider="first"):
    plan = WarmUp("shop.example", date(2026, 3, 2), per_day)
    return Policies(warm_up={("email", provider): (plan,)})


@pytest.fixture
def due(receipt_for):
    """Twelve messages, the most important first, as the outbox lists them."""
    return [receipt_for(f"p{number:02d}", priority=100 - number) for number in range(12)]


def ids(messages):
    return [message.message_id for message in messages]


@both_stores
def test_a_new_domain_sends_so_many_a_day_the_most_important_first(run_over, due, now, ledger_rows):
    vendor, policies = Vendor(), warming(3, 5)
    assert run_over(due, vendor, policies=policies).counts == {"accepted": 3, "held": 9}
    assert vendor.taken == ids(due[:3])
    assert ledger_rows("state", "reason")["message-p03"] == ("planned", "warm_up")
    assert run_over(due, vendor, at=now + timedelta(hours=5), policies=policies).counts == {
        "not_due": 3,
        "held": 9,
    }
    assert run_over(due, vendor, at=now + DAY, policies=policies).counts["accepted"] == 5
    assert run_over(due, vendor, at=now + 2 * DAY, policies=policies).counts["accepted"] == 4
    assert vendor.taken == ids(due)


def test_before_its_first_day_nothing_leaves(run_over, due, now):
    assert run_over(due, Vendor(), at=now - DAY, policies=warming(3)).counts == {"held": 12}


def test_the_tightest_of_several_plans_counts(run_over, due):
    plans = (WarmUp("a", date(2026, 3, 2), (7,)), WarmUp("b", date(2026, 3, 2), (4,)))
    policies = Policies(warm_up={("email", "first"): plans})
    assert run_over(due, Vendor(batch_size=5), policies=policies).counts == {"accepted": 4, "held": 8}


def test_what_did_not_leave_takes_no_place(run_over, due):
    vendor = Vendor(batch_size=3)
    vendor.answers = {"message-p00": Receipt("message-p00", "retry", "first", reason="smtp 451")}
    assert run_over(due[:3], vendor, policies=warming(3)).counts == {"accepted": 2, "retry": 1}
    vendor.answers = {}
    assert run_over(due[3:], vendor, policies=warming(3)).counts == {"accepted": 1, "held": 8}


def test_what_fails_over_counts_where_it_arrives(run_over, due):
    first, second = Vendor("first", batch_size=3), Vendor("second", batch_size=3)
    first.error = TryAgain("http 503")
    run_over(due[:6], first, second, policies=warming(6))
    first.error = None
    later = run_over(due[6:], first, second, policies=warming(6))
    assert (later.counts, len(first.taken)) == ({"accepted": 6}, 6)


@both_stores
def test_two_senders_at_once_keep_to_one_plan(store_url, tmp_path, renderer, receipt_for, now):
    due = [receipt_for(f"p{number:03d}") for number in range(90)]

    def work(number):
        store, vendor = open_store(store_url), Vendor(batch_size=4)
        try:
            landing = open_landing(str(tmp_path / "landing"))
            share = due[number::3]
            return deliver(
                store, landing, share, {"email": vendor}, renderer, now, policies=warming(50)
            ).counts
        finally:
            store.close()

    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(work, range(3)))
    assert sum(counts.get("accepted", 0) for counts in results) == 50
    assert sum(counts.get("held", 0) for counts in results) == 40


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    per_day=st.lists(st.integers(1, 6), min_size=1, max_size=4),
    runs=st.lists(st.tuples(st.integers(0, 30), st.integers(1, 6), st.booleans()), min_size=1, max_size=8),
)
def test_no_day_ever_sees_more_than_its_plan(per_day, runs, tmp_path_factory, renderer, receipt_for, now):
    folder = tmp_path_factory.mktemp("warm_up")
    store, landing = (
        open_store(f"sqlite:///{folder / 'ledger.sqlite'}"),
        open_landing(str(folder / "landing")),
    )
    plan, at, sent = warming(*per_day), now, {}
    for number, (hours, size, is_down) in enumerate(runs):
        at += timedelta(hours=hours)
        vendor = Vendor(batch_size=2)
        vendor.errors = [TryAgain("http 503")] if is_down else []
        due = [receipt_for(f"{number}-{index}", due_at=at) for index in range(size)]
        deliver(store, landing, due, {"email": vendor}, renderer, at, policies=plan)
        sent[at.date()] = sent.get(at.date(), 0) + len(vendor.taken)
    store.close()
    (warm_up,) = plan.warm_up["email", "first"]
    limits = {day: warm_up.limit(now.replace(day=1) + (day - date(2026, 3, 1))) for day in sent}
    assert all(limits[day] is None or count <= limits[day] for day, count in sent.items())


def late(then, hours=6):
    return Policies(late={"transactional": Late(then, timedelta(hours=hours))})


@both_stores
def test_a_late_message_is_sent_skipped_or_waits_for_a_person_as_declared(
    run_over, receipt_for, now, ledger_rows
):
    vendor = Vendor()
    people = {then: receipt_for(then, due_at=now - timedelta(hours=7)) for then in ("send", "skip", "ask")}
    for then, message in people.items():
        run_over([message], vendor, policies=late(then))
    assert ledger_rows("state", "reason") == {
        "message-send": ("accepted", None),
        "message-skip": ("skipped", "late_send"),
        "message-ask": ("planned", "late_send"),
    }


def test_what_is_in_time_or_of_another_class_is_not_asked_about(run_over, receipt_for, now):
    punctual = receipt_for("ann", due_at=now - timedelta(hours=6))
    other = receipt_for("bob", due_at=now - timedelta(days=3), message_class="operational")
    assert run_over([punctual, other], Vendor(), policies=late("ask")).counts == {"accepted": 2}


@both_stores
def test_a_person_lets_late_messages_go_flow_by_flow(run_over, receipt_for, store, now, ledger_rows):
    vendor, yesterday = Vendor(), now - DAY
    due = [receipt_for("ann", due_at=yesterday), receipt_for("bob", due_at=yesterday, flow="flow_other")]
    assert run_over(due, vendor, policies=late("ask")).reasons == {"late_send": 2}
    assert release_late(store, "Ada", "flow_other") == 1
    assert run_over(due, vendor, policies=late("ask")).counts == {"accepted": 1, "held": 1}
    assert ledger_rows("released_by") == {"message-ann": None, "message-bob": "Ada"}
    assert (release_late(store, "Ada"), release_late(store, "Ada")) == (1, 0)


def test_a_late_message_that_must_not_go_anyway_is_nobodys_question(run_over, receipt_for, now, ledger_rows):
    gone = receipt_for("ann", due_at=now - DAY, expires_at=now)
    run_over([gone], Vendor(), policies=late("ask"))
    assert ledger_rows("state", "reason") == {"message-ann": ("skipped", "too_late")}


def test_a_message_that_is_held_is_free_for_the_next_worker(store, receipt_for, now):
    message = receipt_for("ann")
    plan = (WarmUp("x", date(2026, 3, 2), (1,)),)
    lease = now + timedelta(minutes=5)
    ledger.claim(store, [message, receipt_for("bob")], "a:1:x", now, lease)
    got = ledger.attempt(store, ["message-ann", "message-bob"], "a:1:x", now, "first", plan)
    assert (got.mine, got.over_plan) == ({"message-ann"}, {"message-bob"})
    assert [m.message_id for m in ledger.claim(store, [receipt_for("bob")], "b:1:x", now, lease).mine] == [
        "message-bob"
    ]
