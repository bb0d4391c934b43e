"""The harness's end of the far ends: starts the process that plays the providers, and sets its mood and clock."""

import json
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


class FarEnds:
    """`urls` by wire: smtp, http; `book` is the file in which the providers count."""

    def __init__(self, process, urls, book):
        self._process, self.urls, self.book = process, urls, book

    def storm(self, share):
        """From now on this share of requests goes wrong."""
        self._tell(storm=share)

    def only(self, fault):
        """From now on every request goes wrong in this way, where it can."""
        self._tell(only=fault)

    def set_clock(self, minutes):
        """Wait until nothing is under way any more, then it is so late."""
        self._tell(minutes=minutes)

    def let_pass(self, minutes, *, is_hurried=False):
        """Wait until nothing is under way any more (unless somebody sleeps over it); how late it is then."""
        return self._tell(**{"pass": minutes, "is_hurried": is_hurried})["minutes"]

    def hang_up(self):
        """Close every connection, as everybody does with those that say nothing for a minute."""
        self._tell(hang_up=True)

    def _tell(self, **order):
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            raise RuntimeError("the providers have died")
        return json.loads(answer)


@contextmanager
def open_far_ends(book, seed):
    """Providers that count in a file; they end with their input."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.crash.far_ends", str(book), str(seed)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        yield FarEnds(process, json.loads(process.stdout.readline()), book)
    finally:
        process.stdin.close()
        process.wait(30)
        process.stdout.close()
