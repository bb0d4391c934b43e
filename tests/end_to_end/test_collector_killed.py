"""A real collector, killed with SIGKILL while clients send: nothing acknowledged is lost, nothing is malformed."""

import base64
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import closing

import pytest

from connectors.collector.keys import create_key
from connectors.events import Event, parse_json
from connectors.landing import open_landing
from connectors.store import open_store
from dagster_project.settings import Settings

BATCHES = 40
BATCH_SIZE = 5
KILLS = 2
START = "from dagster_project.cli import main; main()"


class Server:
    """The process of `millrace collector`; a new one for each life."""

    def __init__(self, home, port):
        self.port = port
        self.environment = os.environ | {"MILLRACE_HOME": str(home), "MILLRACE_SEGMENT_SECONDS": "0.3"}

    def start(self):
        command = [sys.executable, "-c", START, "collector", "--port", str(self.port)]
        self.process = subprocess.Popen(command, env=self.environment)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                return socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.1)
        raise TimeoutError

    def kill(self):
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(30) in (0, -signal.SIGTERM)


class Client(threading.Thread):
    """Sends each batch until it is acknowledged, as the SDKs do."""

    def __init__(self, name, port, key):
        super().__init__(name=name)
        self.port = port
        credentials = base64.b64encode(f"{key}:".encode()).decode()
        self.headers = {"Authorization": f"Basic {credentials}"}
        self.acknowledged = []

    def run(self):
        for batch in range(BATCHES):
            ids = [f"{self.name}-{batch}-{item}" for item in range(BATCH_SIZE)]
            items = [{"type": "track", "event": "Tick", "userId": "ann", "messageId": each} for each in ids]
            while not self.post(json.dumps({"batch": items})):
                time.sleep(0.05)
            self.acknowledged += ids
            time.sleep(0.02)

    def post(self, body):
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
                connection.request("POST", "/v1/batch", body, self.headers)
                return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


@pytest.fixture
def server(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    server = Server(tmp_path, port)
    server.start()
    yield server
    if server.process.poll() is None:
        server.kill()


def test_every_acknowledged_event_lands_though_the_collector_is_killed_while_two_clients_send(
    server, tmp_path, now
):
    settings = Settings.under(tmp_path)
    with closing(open_store(settings.store_url)) as store:
        key, _ = create_key(store, "shop", now, "cli:test")
    clients = [Client(name, server.port, key) for name in ("ann", "bob")]
    for client in clients:
        client.start()
    for _ in range(KILLS):
        time.sleep(0.4)
        server.kill()
        server.start()
    for client in clients:
        client.join()
    server.stop()
    landing = open_landing(settings.landing)
    lines = [line for file in landing.files() for line in landing.read(file.name).read().splitlines()]
    events = [parse_json(line) for line in lines]
    assert [event for event in events if not isinstance(event, Event)] == []
    # What was sent again after a kill is there twice under one id: the gate of the warehouse keeps the first.
    acknowledged = {each for client in clients for each in client.acknowledged}
    assert {event.event_id for event in events} == acknowledged
    assert len(acknowledged) == 2 * BATCHES * BATCH_SIZE
    assert list(settings.collector_spool.glob(".*")) == []
