"""An SMTP server on loopback that can be as rude as a wire allows, and remembers what it has taken."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

GOOD = {"MAIL": b"250 ok", "RCPT": b"250 ok", "DATA": b"354 go", ".": b"250 2.0.0 kept", "RSET": b"250 ok"}


@dataclass
class Manners:
    """How the server behaves.

    Attributes:
        extensions: what it announces.
        replies: in turn, for one of the verbs above, what it says instead; an action below, or a whole reply.
        cut_after_read: closes its first connection when it has read so many bytes.
        cut_after_said: closes its first connection when it has said so many bytes.
        is_abrupt: cuts by a reset instead of an orderly end.
        is_slow: says one byte at a time.
        wants_any_content: says go to DATA even when it has refused the recipient.
    """

    extensions: tuple = ("PIPELINING", "8BITMIME")
    replies: dict = field(default_factory=dict)
    cut_after_read: int | None = None
    cut_after_said: int | None = None
    is_abrupt: bool = False
    is_slow: bool = False
    wants_any_content: bool = False


DOWN = b"421 4.3.2 shutting down\r\n"
MISDEEDS = {
    "421 and cut": (DOWN, "cut"),
    "421 and silence": (DOWN, "silence"),
    "cut": (b"", "cut"),
    "half a reply and cut": (b"25", "cut"),
    "silence": (b"", "silence"),
    "no SMTP": (b"HTTP/1.1 400 Bad Request\r\n\r\n", None),
    "two codes": (b"250-yes\r\n550 no\r\n", None),
    "endless": (b"250-more\r\n" * 5000, None),
    "stranger": (b"299 what\r\n", None),
}
"""What it says instead, and what it does then."""

ACTIONS = ("multi-line", "stray 421 first", *MISDEEDS)
YES = (None, "multi-line", "stray 421 first")


class NastyServer:
    """Counts the messages that it kept (each answered by 250, or lost on the way to saying so)."""

    def __init__(self, manners):
        self.manners = manners
        self.kept = Counter()
        self.refused = Counter()
        self.told = Counter()
        self.contents = {}
        self.empty_contents = 0
        self.connections = 0
        self.errors = []

    @asynccontextmanager
    async def running(self, tls=None):
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: _Session(self), "127.0.0.1", 0, ssl=tls)
        self.url = f"smtp{'s' * bool(tls)}://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield self
        finally:
            server.close()


class _Session(asyncio.Protocol):
    """One connection; every reply is decided by the manners."""

    def __init__(self, server):
        self.server = server
        self.manners = server.manners
        self.is_first = server.connections == 0
        self.read = self.said = 0
        self.buffer = b""
        self.in_data = self.is_over = False
        self.sender = self.recipient = None
        server.connections += 1

    def connection_made(self, transport):
        self.transport = transport
        self.say(b"220 nasty\r\n")

    def data_received(self, data):
        limit = self.manners.cut_after_read
        if self.is_first and limit is not None and self.read + len(data) >= limit:
            data = data[: limit - self.read]
            self.buffer += data
            self.work()
            self.cut()
            return
        self.read += len(data)
        self.buffer += data
        self.work()

    def work(self):
        while not self.is_over:
            end = b"\r\n.\r\n" if self.in_data else b"\r\n"
            # A content may be only the dot, right behind DATA.
            if self.in_data and self.buffer.startswith(b".\r\n"):
                content, self.buffer = b"", self.buffer[3:]
            elif end in self.buffer:
                content, _, self.buffer = self.buffer.partition(end)
            else:
                return
            if self.in_data:
                self.in_data = False
                self.content(content)
            else:
                self.command(content)

    def command(self, line):
        verb = line.split()[0].decode()
        if verb == "EHLO":
            lines = ["nasty", *self.manners.extensions]
            self.say("".join(f"250{' -'[text is not lines[-1]]}{text}\r\n" for text in lines).encode())
        elif verb == "QUIT":
            self.say(b"221 bye\r\n")
            self.cut()
        elif not self.is_in_order(verb):
            self.say(b"503 5.5.1 bad sequence\r\n")
        else:
            self.follow(verb, line)

    def is_in_order(self, verb):
        """MAIL, then RCPT, then DATA; a command in a wrong place is the client's mistake only after a yes."""
        if verb == "MAIL" and self.sender:
            self.server.errors.append("nested MAIL")
        is_due = {"MAIL": not self.sender, "RCPT": self.sender, "DATA": self.recipient, "RSET": True}[verb]
        return is_due or (verb == "DATA" and self.manners.wants_any_content)

    def follow(self, verb, line):
        code = self.answer(verb)
        if verb == "RSET":
            self.sender = self.recipient = None
        if verb == "MAIL" and code == 250:
            self.sender = line
        if verb == "RCPT" and code == 250:
            self.recipient = line.split(b"<")[1].split(b"@")[0].decode()
        self.in_data = verb == "DATA" and code == 354

    def content(self, content):
        person = self.recipient
        self.sender = self.recipient = None
        if not person:
            self.server.empty_contents += content == b""
            self.say(b"554 5.5.1 no valid recipients\r\n")
            return
        self.server.contents[person] = content
        planned = self.planned(".")
        is_kept = planned is None or (planned in ACTIONS and not planned.startswith("421"))
        if is_kept:
            self.server.kept[person] += 1
        else:
            self.server.refused[person] += 1
        before = self.said
        self.perform(".", planned)
        if is_kept and planned in YES and self.said > before:
            self.server.told[person] += 1

    def planned(self, verb):
        replies = self.manners.replies.get(verb)
        return replies.pop(0) if replies else None

    def answer(self, verb):
        """Perform what is planned and return the code that counts, or none."""
        planned = self.planned(verb)
        self.perform(verb, planned)
        if planned in YES:
            return int(GOOD[verb][:3])
        return int(planned[:3]) if planned[:3].isdigit() and planned not in ACTIONS else None

    def perform(self, verb, planned):
        good = GOOD[verb]
        if planned in MISDEEDS:
            said, then = MISDEEDS[planned]
            self.say(said)
            if then == "cut":
                self.cut()
            self.is_over = self.is_over or then == "silence"
        elif planned == "multi-line":
            self.say(b"%b-one\r\n%b-two\r\n%b three\r\n" % ((good[:3],) * 3))
        elif planned == "stray 421 first":
            self.say(DOWN + good + b"\r\n")
        else:
            self.say((planned.encode() if planned else good) + b"\r\n")

    def say(self, data):
        if self.is_over:
            return
        limit = self.manners.cut_after_said
        if self.is_first and limit is not None and self.said + len(data) >= limit:
            self.write(data[: limit - self.said])
            self.said = limit
            self.cut()
            return
        self.said += len(data)
        self.write(data)

    def write(self, data):
        for part in [data[i : i + 1] for i in range(len(data))] if self.manners.is_slow else [data]:
            self.transport.write(part)

    def cut(self):
        if not self.is_over:
            self.is_over = True
            self.transport.abort() if self.manners.is_abrupt else self.transport.close()
