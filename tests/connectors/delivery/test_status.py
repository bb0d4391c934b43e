"""What people see of providers: their status, alerts that come and go once, and a run that sends nothing."""

from datetime import date, timedelta

import pytest

from connectors.delivery.alerts import News, conditions, news
from connectors.delivery.dead_letters import replay
from connectors.delivery.ledger import reconcile
from connectors.delivery.policies import Late, Policies, WarmUp
from connectors.delivery.preview import Share, preview
from connectors.delivery.sender import Rate
from connectors.delivery.status import provider_status
from connectors.errors import StopSync, TryAgain
from connectors.model import Receipt
from tests.connectors.delivery.vendor import Vendor

pytestmark = pytest.mark.parametrize("store_url", ["sqlite", "postgresql"], indirect=True)
PLAN = Policies(warm_up={("email", "first"): (WarmUp("shop.example", date(2026, 3, 1), (5, 20)),)})


@pytest.fixture
def vendor():
    return Vendor(batch_size=10, rate=Rate(per_second=100, concurrent=3))


@pytest.fixture
def troubled(run_over, receipt_for, vendor):
    """A run with every outcome: accepted, rejected, waiting, unknown."""
    vendor.answers = {
        "message-b": Receipt("message-b", "rejected", "first", reason="http 422"),
        "message-c": Receipt("message-c", "retry", "first", reason="smtp 451"),
        "message-d": Receipt("message-d", "unknown", "first", reason="no_answer"),
    }
    run_over([receipt_for(person) for person in "abcd"], vendor, policies=PLAN)
    vendor.answers = {}


def test_a_status_says_what_an_operator_asks_first(troubled, store, vendor, now):
    (first,) = provider_status(store, {"email": [vendor]}, PLAN, now + timedelta(hours=1))
    assert (first.channel, first.provider, first.breaker, first.reason) == ("email", "first", "closed", None)
    assert (first.per_second, first.declared_per_second, first.concurrent) == (100, 100, 3)
    assert (first.accepted, first.rejected, first.waiting, first.unknown) == (1, 1, 1, 1)
    assert (first.dead_letters, first.doubts) == (1, 1)
    assert first.warm_up == "shop.example: day 2 of 2: 3 of 20"


def test_a_status_counts_the_last_day_only(troubled, store, vendor, now):
    (first,) = provider_status(store, {"email": [vendor]}, PLAN, now + timedelta(hours=24))
    assert (first.accepted, first.rejected, first.waiting, first.unknown) == (0, 0, 0, 0)
    assert (first.dead_letters, first.doubts, first.warm_up) == (1, 1, "shop.example: done")


def test_a_status_shows_an_open_breaker_and_a_shrunken_rate(run_over, receipt_for, store, now):
    refused, busy = Vendor("first"), Vendor("second", rate=Rate(per_second=80))
    refused.error, busy.errors = StopSync("the login was refused"), [TryAgain("http 429", 600)]
    run_over([receipt_for(person) for person in "ab"], refused, busy)
    first, second = provider_status(store, {"email": [refused, busy]}, Policies(), now)
    assert (first.breaker, first.reason) == ("open", "the login was refused")
    assert (second.breaker, second.per_second, second.declared_per_second) == ("closed", 40, 80)
    assert now + timedelta(minutes=9) < second.paused_until <= now + timedelta(minutes=10)


def test_a_provider_that_was_never_used_is_well(store, vendor, now):
    (first,) = provider_status(store, {"email": [vendor]}, Policies(), now)
    assert (first.breaker, first.accepted, first.per_second, first.warm_up) == ("closed", 0, 100, "")


def tell(store, now):
    return news(store, conditions(store, now), now)


def test_an_alert_is_raised_once_and_resolved_once(troubled, run_over, store, vendor, now):
    dead = "1 messages were given up: `millrace deadletters list`"
    doubt = "nobody knows whether 1 messages left: `millrace providers unknown`"
    assert [tell(store, now) for _ in range(2)] == [News((dead, doubt)), News()]
    reconcile(store, "message-d", "accepted", "webhook", now)
    assert [tell(store, now) for _ in range(2)] == [News((), (doubt,)), News()]
    replay(store, ["message-b"], now)
    assert tell(store, now) == News((), (dead,))


def test_an_open_breaker_is_told_and_so_is_its_closing(run_over, receipt_for, store, now):
    vendor = Vendor()
    vendor.error = StopSync("the login was refused")
    run_over([receipt_for("ann")], vendor)
    assert tell(store, now) == News(("email/first is not used: the login was refused",))
    vendor.error, later = None, now + timedelta(hours=1)
    assert tell(store, later) == News()  # half open is not well
    run_over([receipt_for("ann")], vendor, at=later)
    assert tell(store, later) == News((), ("email/first is not used: the login was refused",))


def test_a_preview_says_what_a_run_would_do_and_does_nothing(
    troubled, run_over, receipt_for, store, vendor, now, ledger_rows
):
    policies = Policies(
        late={"transactional": Late("ask", timedelta(hours=6))},
        warm_up={("email", "first"): (WarmUp("x", date(2026, 3, 2), (2,)),)},
    )
    due = [
        *(receipt_for(person) for person in "abcdefgh"),
        receipt_for("late", due_at=now - timedelta(days=1)),
        receipt_for("gone", expires_at=now),
        receipt_for("text", channel="sms"),
    ]
    before = ledger_rows("state", "reason")
    shares = preview(store, {"all": due}, {"email": [vendor]}, policies, now)
    assert shares == [
        Share("email", "", "held", "late_send", 1),
        Share("email", "", "not_due", "accepted", 1),
        Share("email", "", "not_due", "rejected", 1),
        Share("email", "", "not_due", "unknown", 1),
        Share("email", "", "not_due", "waits_for_its_next_attempt", 1),
        Share("email", "", "skipped", "too_late", 1),
        Share("email", "first", "goes", "", 2),
        Share("email", "first", "held", "warm_up", 2),
        Share("sms", "", "held", "no_sender", 1),
    ]
    assert (ledger_rows("state", "reason"), len(vendor.calls)) == (before, 1)
    assert run_over(due, vendor, policies=policies).counts == {
        "accepted": 2,
        "held": 4,
        "not_due": 4,
        "skipped": 1,
    }
