"""Traps: in a process that is about to run, the step where it dies (or stops) is wrapped; nothing else changes."""

import asyncio.selector_events
import contextlib
import functools
import importlib
import inspect
import json
import os
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from functools import cache

import sqlalchemy as sa

from connectors import landing
from connectors.delivery import calls, doubts
from connectors.delivery.sender import ReadsBack
from connectors.store import Store
from tests.crash.points import find_steps


class Trap:
    """Counts the points that the process passes; at the `nth` passage of one of them it is over.

    Args:
        point: where; none only counts.
        nth: at which passage, from 1.
        action: `kill` (SIGKILL) or `stop` (SIGSTOP: it lives, but does nothing until somebody lets it go on).
        report: a file descriptor to which the counts are written before that.
    """

    def __init__(self, point=None, nth=1, action="kill", report=None):
        self.passed = Counter()
        self.has_sprung = False
        self.slept_seconds = 0.0
        self._point, self._nth, self._action, self._report = point, nth, action, report
        self._lock = threading.Lock()
        self.gate = threading.RLock() if action == "stop" else contextlib.nullcontext()

    def __call__(self, point):
        if self.is_here(point):
            self.spring()

    def is_here(self, point):
        """Count a passage; whether it is the one."""
        with self._lock:
            self.passed[point] += 1
            return point == self._point and self.passed[point] == self._nth

    def spring(self):
        with self.gate:  # who stops in the middle of a transaction keeps others waiting: another story
            self._end()

    def _end(self):
        self.has_sprung = True
        if self._action == "kill" and self._report is not None:
            os.write(self._report, json.dumps({"end": "killed", "passed": self.passed}).encode())
        began = time.monotonic()
        os.kill(os.getpid(), signal.SIGKILL if self._action == "kill" else signal.SIGSTOP)
        self.slept_seconds = time.monotonic() - began

    def around(self, function, name):
        """The function with a point before and one behind it."""

        @functools.wraps(function)
        def wrapped(*args, **options):
            self(f"{name}: before")
            result = function(*args, **options)
            self(f"{name}: after")
            return result

        return wrapped


def set_traps(trap):
    """Wrap every step, wherever its name is bound, and what lies between the steps."""
    for step in find_steps().values():
        original = getattr(importlib.import_module(step.module), step.function)
        if step.function != "deliver":  # the whole life
            replace_everywhere(original, trap.around(original, step.name))
    sa.Connection._commit_impl = trap.around(sa.Connection._commit_impl, "commit")
    _wrap_transactions(trap)
    _wrap_landing(trap)
    _wrap_read_back(trap)
    _wrap_call(trap)
    _wrap_wire(trap)


def replace_everywhere(original, new):
    """Bind a new function to every name that our modules have for the old one."""
    for module, attribute in bindings()[inspect.unwrap(original).__qualname__, original.__module__]:
        setattr(module, attribute, new)


@cache
def bindings():
    """Where our modules have bound which function of ours: by its name and module."""
    found = defaultdict(list)
    for name, module in list(sys.modules.items()):
        if name.startswith("connectors."):
            for attribute, value in list(vars(module).items()):
                if inspect.isfunction(value):
                    found[value.__qualname__, value.__module__].append((module, attribute))
    return found


def _wrap_transactions(trap):
    """Those of all threads go through the trap's gate."""
    transaction = Store.transaction

    @contextlib.contextmanager
    def gated(self):
        with trap.gate, transaction(self) as connection:
            yield connection

    Store.transaction = gated


def _wrap_landing(trap):
    """Half of the records are written; all are, but the file still has its hidden name."""
    write, fsync = landing.FolderLanding.write, os.fsync

    def half(records):
        records = list(records)
        for number, record in enumerate(records):
            if number == len(records) // 2:
                trap("landing: half a file")
            yield record

    def synced(descriptor):
        fsync(descriptor)
        trap("landing: a file that is not visible yet")

    def written(self, name, records):
        os.fsync = synced
        try:
            return write(self, name, half(records))
        finally:
            os.fsync = fsync

    landing.FolderLanding.write = trap.around(written, "landing.write")


def _wrap_read_back(trap):
    """Between the question to the vendor's log and the answer in the ledger."""
    ask = doubts.read_back

    async def asked(store, sender, *clocks):
        trap("read_back.ask: before")
        resolved = await ask(store, sender, *clocks)
        if isinstance(sender, ReadsBack):
            trap("read_back.ask: after")
        return resolved

    doubts.read_back = asked


def _wrap_call(trap):
    """The attempt is durable and nothing has left; the vendor has answered and the ledger knows it."""
    ask = calls.Calls._ask

    async def asked(self, *args):
        trap("call: before")
        await ask(self, *args)
        trap("call: after")

    calls.Calls._ask = asked


def _wrap_wire(trap):
    """Bytes of the event loop's connections: to vendors, none to the store."""
    loop, transport = asyncio.SelectorEventLoop, asyncio.selector_events._SelectorSocketTransport
    connect = loop.sock_connect
    write, read = transport.write, transport._read_ready__data_received

    def writes(self, data):
        trap("wire: before a write")
        if trap.is_here("wire: half of a write") and not self._buffer:
            self._sock.send(bytes(data)[: len(data) // 2])
            trap.spring()
        write(self, data)
        trap("wire: after a write")

    def reads(self):
        trap("wire: an answer has come")
        read(self)

    async def connects(self, sock, address):
        trap("wire: before a connection")
        await connect(self, sock, address)

    loop.sock_connect = connects
    transport.write = writes
    transport.writelines = lambda self, parts: self.write(b"".join(parts))
    transport._read_ready__data_received = reads
