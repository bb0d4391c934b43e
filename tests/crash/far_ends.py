"""The providers, in a process of their own: an SMTP server and Postmark, which count what they take and misbehave.

`python -m tests.crash.far_ends BOOK SEED` says the ports in a line of JSON, then obeys lines of JSON on its input, and
answers each with a line:

    {"storm": share}        the share of requests that go wrong
    {"only": fault}         all go wrong in one way
    {"hang_up": true}       deal with what has arrived, then close every connection
    {"minutes": n}          wait until nothing is under way, then it is so late
    {"pass": n}             as above (unless it `is_hurried`), so many minutes later; the answer says how late it is
"""

import asyncio
import json
import random
import sys
from functools import partial

from tests.connectors.conformance.mail_server import AFTER_CONTENT, MailServer
from tests.connectors.conformance.vendor import (
    Answer,
    CutAfterRequest,
    CutAnswer,
    Silence,
    Vendor,
)
from tests.crash.book import CONNECTION, Book
from tests.crash.shop_list import id_at
from tests.crash.world import World

SLOW_SECONDS = 0.1
TOO_LATE_SECONDS = 0.6
"""Longer than the senders of the harness wait for an answer."""

MAIL_FAULTS = {
    "busy": 3,
    "dead_address": 0.5,
    "refused_content": 0.5,
    "broken": 2,
    "unparsable": 2,
    "bad_gateway": 2,
    "cut_answer": 3,
    "cut_in_request": 4,
    "cut_after_request": 4,
    "silent": 0.7,
    "late": 0.7,
    "slow": 1,
}
POST_FAULTS = {
    "items": 5,
    "reordered": 3,
    "doubled": 2,
    "short": 2,
    "unreadable": 2,
    "cut_answer": 3,
    "cut_after_request": 3,
    "broken": 2,
    "bad_gateway": 1,
    "gateway_timeout": 1,
    "busy": 4,
    "unavailable": 2,
    "refused": 2,
    "bad_credentials": 0.3,
    "silent": 0.7,
    "late": 0.7,
    "slow": 1,
}
STATUS = {
    "broken": 500,
    "bad_gateway": 502,
    "gateway_timeout": 504,
    "unavailable": 503,
    "bad_credentials": 401,
}
ITEM_CODES = (0, 0, 0, 0, 100, 300, 406, 429)
REFUSED_FOR_GOOD = (300, 406)


class CountingMailServer(MailServer):
    """Takes mails by heart; whether a mail that got a strange answer was taken, the dice decide."""

    def __init__(self, world):
        super().__init__()
        self._world = world

    def _next_case(self):
        return self._world.mood(MAIL_FAULTS)

    def _recipient(self, address):
        taken, reply = super()._recipient(address)
        if reply.startswith(b"5"):
            self._world.refuse([id_at(address)], "smtp")
        return taken, reply

    async def talk(self, reader, writer):
        CONNECTION.set(writer.get_extra_info("peername")[1])
        if self._world.mood({"unavailable": 1, "accepted": 9}) == "unavailable":
            writer.write(b"421 4.3.2 mail.example too many connections\r\n")
            await writer.drain()
            return
        await super().talk(reader, writer)

    async def _take(self, case, reader, writer):
        writer.write(b"354 go on\r\n")
        await writer.drain()
        if case == "cut_in_request":
            await reader.readexactly(50)
            return False
        key = self.key(await reader.readuntil(b"\r\n.\r\n"))
        self._world.tell(f"arrived:{case}", [key], "smtp")
        await asyncio.sleep({"slow": SLOW_SECONDS, "late": TOO_LATE_SECONDS}.get(case, 0))
        if case == "refused_content":
            self._world.refuse([key], "smtp")
        elif case in ("accepted", "slow") or self._world.coin():
            self._world.accept([key], "smtp")
        if case == "silent":
            await reader.read()
        if case in ("silent", "cut_after_request"):
            return False
        accepted = f"250 2.0.0 Ok: queued as name-of-{key}\r\n".encode()
        writer.write(AFTER_CONTENT.get(case, accepted))
        await writer.drain()
        return case != "cut_answer"


class CountingPostmark(Vendor):
    """The batch endpoint and the message search, which shows what the book says, a little later."""

    def __init__(self, world):
        super().__init__()
        self._world = world
        self.busy = 0
        self.answers(self._answer)

    async def talk(self, reader, writer):
        CONNECTION.set(writer.get_extra_info("peername")[1])
        await super().talk(reader, writer)

    async def _exchange(self, reader, writer):
        self.requests.clear()
        if self._world.mood({"cut_in_request": 1, "accepted": 9}) == "cut_in_request":
            await reader.readuntil(b"\r\n\r\n")
            await reader.read(40)
            return False
        return await super()._exchange(reader, writer)

    async def _answer(self, request):
        self.busy += 1
        try:
            return await self._decide(request)
        finally:
            self.busy -= 1

    async def _decide(self, request):
        if request.method == "GET":
            return self._search(request.query["metadata_message_id"])
        case = self._world.mood(POST_FAULTS)
        ids = {item["Metadata"]["message_id"]: item["To"] for item in request.json()}
        self._world.tell(f"arrived:{case}", list(ids), "postmark")
        if case == "busy":
            return Answer(429, headers={"Retry-After": self._world.pick(("0.05", "0.2", "120"))})
        if case == "refused":
            self._world.refuse(list(ids) if len(ids) == 1 else [], "postmark")
            return Answer(422, {"ErrorCode": 300, "Message": "something is wrong"})
        if case in ("unavailable", "bad_credentials"):
            return Answer(STATUS[case], {"ErrorCode": 10, "Message": "no"})
        await asyncio.sleep({"slow": SLOW_SECONDS, "late": TOO_LATE_SECONDS}.get(case, 0))
        return self._process(case, ids)

    def _process(self, case, ids):
        """Take the batch, or perhaps not, and answer as the case wants it."""
        codes = {key: self._world.pick(ITEM_CODES) if case == "items" else 0 for key in ids}
        is_in_doubt = case in (
            "broken",
            "bad_gateway",
            "gateway_timeout",
            "silent",
            "late",
            "cut_after_request",
        )
        if not is_in_doubt or self._world.coin():
            self._world.accept([key for key, code in codes.items() if code == 0], "postmark")
            self._world.refuse([key for key, code in codes.items() if code in REFUSED_FOR_GOOD], "postmark")
        items = [self._item(key, ids[key], code) for key, code in codes.items()]
        match case:
            case "reordered":
                items.reverse()
            case "doubled":
                items += items[: len(items) // 2 + 1]
            case "short":
                items.pop()
        whole = Answer(STATUS.get(case, 200), items)
        return {
            "silent": Silence,
            "cut_after_request": CutAfterRequest,
            "cut_answer": CutAnswer(whole),
            "unreadable": Answer(200, b"<html>all is well</html>"),
        }.get(case, whole)

    def _item(self, key, address, code):
        """As documented; an item that was refused does not say whom it is about."""
        if code:
            return {"ErrorCode": code, "Message": "no"}
        return {"ErrorCode": 0, "Message": "OK", "To": address, "MessageID": f"name-of-{key}"}

    def _search(self, key):
        case = self._world.mood({"busy": 1, "broken": 1, "accepted": 8})
        if case != "accepted":
            return Answer({"busy": 429, "broken": 500}[case], {"ErrorCode": 1, "Message": "no"})
        is_shown = self._world.shows(key)
        self._world.tell(f"asked:{'shown' if is_shown else 'not shown'}", [key], "postmark")
        found = [{"MessageID": f"name-of-{key}", "Metadata": {"message_id": key}}]
        return Answer(200, {"TotalCount": 1, "Messages": found if is_shown else []})


def wait_until(is_quiet, *ends):
    """What a dead or sleeping sender has written is still on its way through the kernel: let it arrive."""
    waits = [asyncio.run_coroutine_threadsafe(_wait(partial(is_quiet, end)), end._loop) for end in ends]
    for wait in waits:
        wait.result(30)


async def _wait(is_quiet):
    rounds = 0
    while rounds < 5:
        await asyncio.sleep(0.005)
        rounds = rounds + 1 if is_quiet() else 0


def main(book_path, seed):
    world = World(random.Random(int(seed)))
    world.book = Book(book_path, lambda: world.minutes)
    with CountingMailServer(world).running() as mail, CountingPostmark(world).running() as postmark:
        print(json.dumps({"smtp": f"smtp://127.0.0.1:{mail.port}", "http": postmark.url}), flush=True)
        for line in sys.stdin:
            order = json.loads(line)
            if "storm" in order:
                world.storm, world.only = order["storm"], None
            if "only" in order:
                world.only = order["only"]
            if "hang_up" in order:
                wait_until(lambda end: not end.busy, postmark)
                mail.hang_up()
                postmark.hang_up()
            if {"minutes", "pass"} & order.keys():
                if not order.get("is_hurried"):
                    wait_until(lambda end: not end.open_connections, mail, postmark)
                world.set_clock(order.get("minutes", world.minutes + order.get("pass", 0)))
            print(json.dumps({"minutes": world.minutes}), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
