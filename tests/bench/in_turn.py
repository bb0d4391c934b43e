"""Installations of several sizes that live the same hours in turn, each in a process of its own.

This machine is up to twice as fast in one minute as in the next. Ticks that follow each other directly meet the same
machine, so that their ratio says what history costs.
"""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

from tests.bench.ticks import Shop, SizeCost, as_json, from_json

WARM_UP = 1_000
"""New events of the first hour, which warms up what is cached once; it is not counted."""


def measure_in_turn(
    names: Sequence[str], new_events: Sequence[int], repeats: int, *, verbose: bool = False
) -> dict[str, SizeCost]:
    """Build installations one after the other, then let them live hours in turn.

    Args:
        names: their sizes, as `python -m tests.bench --one NAME` knows them; peak memory is the larger of building and
            of living, each in a process of its own.
        new_events: sizes of the hours, one after the other: small ones first leave the history its size.
        repeats: rounds of each; each round begins with another installation.
        verbose: let them tell their slowest models.
    """
    with ExitStack() as running:
        shops = {name: running.enter_context(_started(name, verbose=verbose)) for name in names}
        order = list(shops.values())
        for new in (WARM_UP, *(new for new in new_events for _ in range(repeats))):
            for shop in order:
                _say(shop.stdin, str(new))
                _heard(shop)
            order = [*order[1:], order[0]]
        return {name: _end(shop) for name, shop in shops.items()}


def serve(sizes: Mapping[str, tuple[int, int]], name: str, *, verbose: bool) -> None:
    """What such a process does: build, then one tick for each number on standard input, then say what it cost."""
    answers = sys.stdout
    with (
        tempfile.TemporaryDirectory(prefix="millrace-bench-") as folder,
        contextlib.redirect_stdout(sys.stderr),
    ):
        shop = Shop(Path(folder), *sizes[name], verbose=verbose)
        _say(answers, "built")
        ticks = []
        for line in sys.stdin:
            ticks.append(shop.lives_an_hour(int(line)))
            _say(answers, "done")
        _say(answers, as_json(shop.cost(ticks[1:])))


@contextmanager
def _started(name: str, *, verbose: bool) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.bench", "--one", name, *(["--verbose"] if verbose else [])]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as shop:
        try:
            _heard(shop)
            yield shop
        except BaseException:
            shop.terminate()
            raise


def _end(shop: subprocess.Popen[str]) -> SizeCost:
    assert shop.stdin is not None
    shop.stdin.close()
    return from_json(_heard(shop))


def _say(to: IO[str] | None, line: str) -> None:
    print(line, file=to, flush=True)


def _heard(shop: subprocess.Popen[str]) -> str:
    assert shop.stdout is not None
    line = shop.stdout.readline()
    if not line:
        raise SystemExit(f"a size ended with exit code {shop.wait()}")
    return line
