"""What else happens to senders: each story alone, with the same result."""

import contextlib
import subprocess

import pytest

from tests.crash.conftest import SEED
from tests.crash.harness import Harness, Kills

FAULTS = [
    ("smtp", "late"),  # accepts, and answers when nobody listens any more
    ("smtp", "silent"),
    ("smtp", "cut_in_request"),  # in the middle of DATA
    ("smtp", "cut_answer"),
    ("smtp", "dead_address"),
    ("http", "items"),  # 200 with errors inside
    ("http", "late"),
    ("http", "cut_in_request"),
    ("http", "cut_answer"),
    ("http", "reordered"),
    ("http", "doubled"),
    ("http", "busy"),
]
"""The storm of the other tests has these and more, by the dice; here each is the only thing that happens."""


@pytest.fixture
def harness(folder, nursery, far_ends, sqlite_stores):
    return Harness(folder, sqlite_stores, nursery, far_ends, SEED)


@pytest.fixture
def campaign(harness):
    """`campaign("http", size=12)`: a list of twelve on an empty ledger."""
    with contextlib.ExitStack() as stack:
        yield lambda provider, **options: stack.enter_context(
            harness.campaign("sqlite", provider, Kills(), **options)
        )


@pytest.mark.parametrize(("provider", "fault"), FAULTS)
def test_whatever_the_provider_does_nothing_is_sent_twice_or_lost(campaign, far_ends, provider, fault):
    run = campaign(provider, size=12)
    far_ends.only(fault)
    run.go([run.life()])
    run.go([run.life()], step=2)
    verdict = run.finish()
    assert verdict.faults == []
    assert verdict.counts["messages"] == 12


def test_two_senders_at_once_share_the_list(campaign, calm):
    # a claim takes 500; on a busy machine one is born seconds after the other
    run = campaign("http", size=3000)
    results = run.go([run.life(), run.life()])
    shares = [result["told"]["counts"].get("accepted", 0) for result in results]
    assert run.finish().faults == []
    assert min(shares) > 0


@pytest.mark.parametrize("skew", [-15, 15])
def test_a_clock_that_is_wrong_by_a_quarter_of_an_hour_harms_nothing(campaign, calm, skew):
    """Two hosts, one with a wrong clock, start at the same time, again and again; the first ones are killed.

    With the 12 minutes by which the provider's log lags this is less than its horizon of 30, as DECISIONS.md asks.
    """
    run = campaign("http", size=60)
    for _ in range(4):
        doomed = run.life(host="elsewhere", kill_after_seconds=0.15)
        run.go([doomed, run.life(skew_minutes=skew, host="nowhere")], step=5)
    assert run.finish().faults == []


def test_a_sender_that_stops_while_it_asks_the_log_does_not_believe_the_answer_about_a_later_attempt(
    campaign, calm
):
    """Meanwhile another one is told that nothing had arrived, sends again, and cannot read what it is answered."""
    run = campaign("http", size=12)
    calm.only("cut_in_request")
    run.go([run.life()])
    calm.only("unreadable")
    slow = run.life(action="stop", point="wire: an answer has come", nth=3)
    run.overtake(slow, run.life(skew_minutes=6), step=45)
    assert run.finish().faults == []


@pytest.mark.parametrize(
    ("provider", "point"),
    [
        ("smtp", "call: before"),
        ("smtp", "wire: before a connection"),
        ("http", "call: before"),
        ("http", "wire: before a connection"),
        ("http", "wire: before a write"),
    ],
)
def test_a_sender_that_sleeps_for_an_hour_and_wakes_up_sends_nothing_again(campaign, calm, provider, point):
    """A machine is suspended when bytes are about to leave: its lease runs out, another one takes over and sends."""
    run = campaign(provider)
    for nth, is_replay in ((1, False), (2, True)):
        run.more(12)
        sleeper = run.life(action="stop", point=point, nth=nth, is_frozen=is_replay)
        run.overtake(sleeper, run.life(host="elsewhere"), step=120, asleep_minutes=61)
    assert run.finish().faults == []


@pytest.fixture
def tiny_disk(tmp_path):
    """A file system of eight megabytes; its path."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", folder], check=False, capture_output=True
    )
    if mounted.returncode:
        pytest.skip("only root can mount a file system")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def fill(folder):
    """Until nothing more goes in; the file that takes the space."""
    ballast = folder / "ballast"
    with ballast.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        while True:
            stream.write(bytes(4096))
    return ballast


@pytest.mark.parametrize("wire", ["smtp", "http"])
def test_a_full_disk_stops_the_run_with_a_clear_error_and_the_next_one_goes_on(
    campaign, calm, tiny_disk, wire
):
    run = campaign(wire, size=120, folder=tiny_disk)
    run.go([run.life(point="ledger.claim: after", nth=1)])
    ballast = fill(tiny_disk)
    run.more(60)  # planning them is the first thing that finds no room
    (result,) = run.go([run.life()], step=1, may_fail=True)
    assert result["end"] == "failed"
    assert "database or disk is full" in result["error"]
    assert "@example.com" not in result["error"]
    ballast.unlink()
    verdict = run.finish()
    assert verdict.faults == []


def test_a_disk_that_fills_up_in_the_middle_of_a_run_loses_nothing(campaign, calm):
    """A limit on files stands for the disk: the ledger grows until it may not."""
    run = campaign("http", size=400)
    limits = [run.ledger_path.stat().st_size + extra for extra in (8_000, 60_000, 120_000, 200_000)]
    results = [run.go([run.life(file_bytes=limit)], step=1, may_fail=True)[0] for limit in limits]
    errors = [result["error"] for result in results if result["end"] == "failed"]
    assert errors
    assert [error for error in errors if "@example.com" in error] == []
    assert run.finish().faults == []
