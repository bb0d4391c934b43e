"""The nursery: a warm process that forks lives, so that a life costs milliseconds and not seconds of imports.

It reads orders as lines of JSON and answers each with how its lives ended. It opens no store and no connection.
"""

import gc
import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import sqlalchemy as sa

from tests.crash.life import Life, live
from tests.crash.points import find_steps
from tests.crash.traps import bindings

ROOT = Path(__file__).parents[2]
LONGEST_LIFE_SECONDS = 600.0
"""Machines that run this for hours do other things as well."""
LOOK_SECONDS = 0.001


@dataclass(slots=True)
class _Child:
    life: Life
    pid: int
    report: int
    born_at: float
    end: str | None = None
    ended_at: float = 0.0


class Nursery:
    """The harness's end of the wire."""

    def __init__(self, process):
        self._process = process

    def run(self, lives):
        """Run lives at the same time; how each ended: {"end": killed | finished | failed | stuck, …}."""
        return self._order(do="run", lives=[asdict(life) for life in lives])

    def put_to_sleep(self, life):
        """Run one until it stops at its trap, or ends before it comes there."""
        self._order(do="put_to_sleep", lives=[asdict(life)])

    def wake(self):
        """Let the sleeper go on; how it ended."""
        return self._order(do="wake", lives=[])

    def _order(self, **order):
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the nursery has died")
        return json.loads(answer)


@contextmanager
def open_nursery():
    """A nursery that is there when the block begins; it ends with its input."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.nursery"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield Nursery(process)
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()


def main():
    bindings()
    find_steps()
    sa.create_engine("postgresql+psycopg://")  # loads the driver, connects to nothing
    gc.collect()
    gc.freeze()
    sleepers = []
    for line in sys.stdin:
        order = json.loads(line)
        children = [_bear(Life(**life | {"told": tuple(life["told"])})) for life in order["lives"]]
        match order["do"]:
            case "run":
                results = _watch(children)
            case "put_to_sleep":
                sleepers = children
                results = _wait_for_stop(*sleepers)
            case "wake":
                results = _wake(*sleepers)
        print(json.dumps(results), flush=True)
    for child in sleepers:
        if child.end is None:  # nobody is left to wake it
            os.kill(child.pid, signal.SIGKILL)
    os._exit(0)  # DuckDB, which nobody here uses, would complain about the way it is taken down


def _wait_for_stop(child):
    while child.end is None:
        pid, status = os.waitpid(child.pid, os.WUNTRACED | os.WNOHANG)
        if pid and os.WIFSTOPPED(status):
            return
        _look(child, pid, status)
        time.sleep(LOOK_SECONDS)


def _wake(child):
    if child.end is None:
        os.kill(child.pid, signal.SIGCONT)
    return _watch([child])


def _bear(life):
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _be(life, writing)
    os.close(writing)
    return _Child(life, pid, reading, time.time())


def _be(life, report):
    """The child; it never returns."""
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    try:
        if life.file_bytes:
            signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
            resource.setrlimit(resource.RLIMIT_FSIZE, (life.file_bytes, life.file_bytes))
        told = live(life, report)
    except BaseException:  # noqa: BLE001  (the harness shows it)
        told = {"end": "failed", "error": traceback.format_exc()[-8000:]}
    os.write(report, json.dumps(told).encode())
    os._exit(0)


def _watch(children):
    while any(child.end is None for child in children):
        for child in children:
            if child.end is None:
                _look(child, *os.waitpid(child.pid, os.WNOHANG))
        time.sleep(LOOK_SECONDS)
    return [_result(child) for child in children]


def _look(child, pid, status):
    """See whether it has ended, or is to be killed."""
    age = time.time() - child.born_at
    if pid:
        child.end = "killed" if os.WIFSIGNALED(status) else "told"
    elif age > LONGEST_LIFE_SECONDS:
        os.kill(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, 0)
        child.end = "stuck"
    elif child.life.kill_after_seconds is not None and age > child.life.kill_after_seconds:
        os.kill(child.pid, signal.SIGKILL)
        os.waitpid(child.pid, 0)
        child.end = "killed"
    if child.end:
        child.ended_at = time.time()


def _result(child):
    """What it has told, and how it ended; one that died by its own trap has told that."""
    with os.fdopen(child.report) as pipe:
        text = pipe.read()
    told = json.loads(text) if text else {"end": child.end}
    is_trapped = child.end == "killed" and told["end"] == "killed" and bool(text)
    if child.end == "stuck":
        told["end"] = "stuck"
    there = {"pid": child.pid, "born_at": child.born_at, "ended_at": child.ended_at}
    return told | there | {"point": child.life.point if is_trapped else None}


if __name__ == "__main__":
    main()
