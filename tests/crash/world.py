"""What the far ends share: the book, the dice of their moods, and the hour that the harness has set."""

import random
import threading
import time
from dataclasses import dataclass, field

LOG_LAG_MINUTES = 12
"""A vendor's log shows a message only after a while: the reason for `read_back_horizon`."""


@dataclass
class World:
    """`storm` is the share of requests that go wrong; the clock runs, and can be set ahead."""

    dice: random.Random
    storm: float = 0.0
    only: str | None = None
    book: object = None
    taken_at: dict = field(default_factory=dict)
    _set_to: float = 0.0
    _set_at: float = field(default_factory=time.monotonic)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def set_clock(self, minutes):
        self._set_to, self._set_at = minutes, time.monotonic()

    @property
    def minutes(self):
        return self._set_to + (time.monotonic() - self._set_at) / 60

    def mood(self, faults, well="accepted"):
        """A fault by its weight, or mostly that all is well; `only` one, when the harness wants it so."""
        if self.only:
            return self.only if self.only in faults else well
        with self._lock:
            if self.dice.random() >= self.storm:
                return well
            return self.dice.choices(list(faults), list(faults.values()))[0]

    def coin(self):
        with self._lock:
            return self.dice.random() < 0.5

    def pick(self, options):
        with self._lock:
            return self.dice.choice(options)

    def accept(self, message_ids, wire):
        """Nobody has been answered yet, and the message is on its way to its reader."""
        self.book.write("accepted", message_ids, wire)
        self.taken_at.update(dict.fromkeys(message_ids, self.minutes))

    def refuse(self, message_ids, wire):
        self.book.write("refused", message_ids, wire)

    def tell(self, word, message_ids, wire):
        """For whoever reads the book to understand a fault."""
        self.book.write(word, message_ids, wire)

    def shows(self, message_id):
        """Whether the log knows the message by now."""
        taken_at = self.taken_at.get(message_id)
        return taken_at is not None and self.minutes >= taken_at + LOG_LAG_MINUTES
