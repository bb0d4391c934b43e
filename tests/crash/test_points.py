"""Where senders die follows from the code, so that no transition of the ledger is left out."""

from collections import Counter

from tests.crash.harness import Harness, Kills
from tests.crash.points import ELSEWHERE, all_points, find_steps, is_elsewhere
from tests.crash.traps import bindings

MOVES = {
    "dead_letters._plan_again": "dead letter → planned",
    "doubts._record": "unknown → accepted, rejected",
    "doubts._send_again": "unknown → planned, skipped",
    "doubts.apply_policies": "unknown → unknown for good",
    "doubts.reconcile": "unknown → accepted, rejected",
    "held.release_late": "planned, held → planned, released",
    "ledger._doubt": "attempted → unknown",
    "ledger._free": "claimed, attempted → planned",
    "ledger._hold": "planned → planned, held",
    "ledger._plan": "→ planned",
    "ledger._skip": "planned → skipped",
    "ledger._take": "planned, retry → claimed",
    "ledger.attempt": "claimed → attempted",
    "ledger.renew": "claimed, attempted: a new lease",
    "receipts._mark": "told to landing",
    "settling.settle": "attempted, unknown → accepted, rejected, retry, unknown",
    "told.believe": "unknown, retry → accepted, rejected",
}
"""What the harness kills before and after. Who adds a step adds its line, and looks whether senders die there."""


def test_every_step_that_moves_a_message_is_known_and_named():
    moving = {name for name, step in find_steps().items() if "messages" in step.tables}
    assert moving == set(MOVES)


def test_every_step_is_a_point_before_and_after_unless_a_reason_says_why_not():
    points = set(all_points(find_steps()))
    missing = [
        name
        for name in find_steps()
        if name != "loop.deliver" and not {f"{name}: before", f"{name}: after"} <= points
    ]
    assert missing == []
    assert [reason for reason in ELSEWHERE if not any(point.startswith(reason) for point in points)] == []
    assert not is_elsewhere("ledger.attempt: after")


def test_every_step_can_be_wrapped_wherever_it_is_called_from():
    steps = find_steps().values()
    unbound = [step.name for step in steps if not bindings()[step.function, step.module]]
    assert unbound == []
    claimers = {module.__name__ for module, _ in bindings()["settle", "connectors.delivery.settling"]}
    assert claimers >= {"connectors.delivery.settling", "connectors.delivery.ledger"}


def test_lives_of_every_role_come_by_the_points(folder, nursery, calm, sqlite_stores):
    """The counts come from the processes themselves."""
    passed = Counter()
    with Harness(folder, sqlite_stores, nursery, calm, 1).campaign("sqlite", "http", Kills(), size=20) as run:
        for role in ("sender", "administrator", "postman"):
            (result,) = run.go([run.life(role)], step=1)
            passed.update(result["passed"])
    assert passed["ledger.attempt: before"] == passed["ledger.attempt: after"] > 0
    assert passed["commit: before"] == passed["commit: after"] > 10
    assert passed["wire: before a write"] > 0
    assert passed["take.take_feedback: after"] == 1
