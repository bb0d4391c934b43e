"""A real collector, killed with SIGKILL while clients send: nothing acknowledged is lost or malformed."""

import base64
import http.client
import json
import threading
import time
from contextlib import closing

from connectors.events import Event

BATCHES = 40
BATCH_SIZE = 5
KILLS = 2


class Client(threading.Thread):
    """Sends each batch until it is acknowledged, as the SDKs do."""

    def __init__(self, name, port, key):
        super().__init__(name=name)
        self.port = port
        credentials = base64.b64encode(f"{key}:".encode()).decode()
        self.headers = {"Authorization": f"Basic {credentials}"}
        self.acknowledged = set()

    def run(self):
        for batch in range(BATCHES):
            ids = [f"{self.name}-{batch}-{item}" for item in range(BATCH_SIZE)]
            items = [{"type": "track", "event": "Tick", "userId": "ann", "messageId": each} for each in ids]
            while not self.post(json.dumps({"batch": items})):
                time.sleep(0.05)
            self.acknowledged.update(ids)
            time.sleep(0.02)

    def post(self, body):
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
                connection.request("POST", "/v1/batch", body, self.headers)
                return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


def test_every_acknowledged_event_lands_though_the_collector_is_killed_while_two_clients_send(collector):
    clients = [Client(name, collector.port, collector.key) for name in ("ann", "bob")]
    for client in clients:
        client.start()
    for _ in range(KILLS):
        time.sleep(0.4)
        collector.kill()
        collector.start()
    for client in clients:
        client.join()
    collector.stop()
    landed = collector.landed()
    assert [each for each in landed if not isinstance(each, Event)] == []
    # What was sent again after a kill is there twice under one id; the gate of the warehouse keeps the first.
    assert {event.event_id for event in landed} == clients[0].acknowledged | clients[1].acknowledged
    assert len({event.event_id for event in landed}) == 2 * BATCHES * BATCH_SIZE
    assert collector.left_open() == []


def test_workers_end_with_their_supervisor_and_land_what_they_hold(collector):
    collector.kill()
    collector.start("--workers", "2")
    client = Client("ann", collector.port, collector.key)
    assert client.post(json.dumps({"batch": [{"event": "Tick", "userId": "ann", "messageId": "last"}]}))
    collector.kill()
    deadline = time.monotonic() + 30
    while collector.listens() or collector.left_open():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert [event.event_id for event in collector.landed()] == ["last"]
