"""One process per installation for what two would do in each other's way; the lock dies with its process."""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


class HeldError(RuntimeError):
    """Another process holds the lock."""


@contextmanager
def only_one(path: Path) -> Iterator[None]:
    """Be the one that holds this file.

    Raises:
        HeldError: another process is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        if not _locked(file):
            raise HeldError(f"another process does this already: it holds {path}")
        yield


def is_held(path: Path) -> bool:
    """Whether some process holds this file now."""
    if not path.exists():
        return False
    with path.open("ab") as file:
        return not _locked(file)


def _locked(file: IO[bytes]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
