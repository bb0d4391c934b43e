"""Workers: who holds a claim, and whether it still lives."""

from __future__ import annotations

import os
import socket
from uuid import uuid4


def new_worker() -> str:
    """A name that says where this worker runs, so that others on the host can see that it is gone."""
    return f"{socket.gethostname()}:{os.getpid()}:{uuid4().hex[:12]}"


def is_dead(worker: str) -> bool:
    """Whether the worker ran on this host and its process is gone. When in doubt, the lease decides."""
    host, process, _ = worker.rsplit(":", 2)
    if host != socket.gethostname() or int(process) == os.getpid():
        return False
    try:
        os.kill(int(process), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
