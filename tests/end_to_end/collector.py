"""`millrace collector` as a process that can be killed, and what it has landed."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import closing, suppress
from datetime import datetime

from connectors.collector.keys import create_key
from connectors.events import parse_json
from connectors.store import open_store
from dagster_project.settings import Settings

START = "from dagster_project.cli import main; main()"
START_SECONDS = 90


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def wait_until_it_listens(port):
    deadline = time.monotonic() + START_SECONDS
    while not listens(port):
        assert time.monotonic() < deadline
        time.sleep(0.1)


class Collector:
    """A collector on a free loopback port; `start` begins a new life after `kill`."""

    def __init__(self, home, **environment):
        self.settings = Settings.under(home)
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.port = listening.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        ours = {"MILLRACE_HOME": str(home), "MILLRACE_SEGMENT_SECONDS": "0.3"}
        self._environment = os.environ | ours | environment
        self._landed_lines = {}
        self.key = self.new_key("shop")

    def new_key(self, source):
        """A write key whose events come from `source`."""
        with closing(open_store(self.settings.store_url)) as store:
            return create_key(store, source, datetime(2026, 3, 2), "cli:test")[0]

    def start(self, *options):
        command = [sys.executable, "-c", START, "collector", "--port", str(self.port), *options]
        self.process = subprocess.Popen(command, env=self._environment)
        wait_until_it_listens(self.port)

    def written(self):
        """How many lines are on the disk so far, landed or not."""
        known, lines = sum(self._landed_lines.values()), 0
        for path in self.settings.collector_spool.rglob("*.ndjson*"):
            if path not in self._landed_lines:
                with suppress(FileNotFoundError):  # it lands while we look
                    found = path.read_bytes().count(b"\n")
                    lines += found
                    if not path.name.startswith("."):
                        self._landed_lines[path] = found
        return known + lines

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)

    def listens(self):
        return listens(self.port)

    def landed(self):
        """Every line that has landed, as an event or as a reject."""
        landing = self.settings.open_landing()
        files = landing.files()
        return [parse_json(line) for file in files for line in landing.read(file.name).read().splitlines()]

    def left_open(self):
        """Segments that nobody has completed."""
        return list(self.settings.collector_spool.glob(".*"))
