"""One SMTP connection that asks for the next message while the server still takes in the last one.

RFC 2920: MAIL, RCPT and DATA of a message go out in one piece, right behind the content of the one before. A
server that does not announce PIPELINING gets one command at a time. A message whose content was not written
has surely not left; one whose content was written has an answer or is in doubt, nothing between.
"""

from __future__ import annotations

import asyncio
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from connectors.errors import Rejected

Part = Literal["reset", "sender", "recipient", "data", "content", "nothing"]
"""What a reply answers; `nothing`: the end of a content that we owed and did not send."""

OK = range(250, 253)
REFUSED = range(400, 600)
ACCEPTED, START_INPUT, SHUTTING_DOWN = 250, 354, 421
LONGEST_LINE, MOST_LINES = 8192, 100
GOODBYE_SECONDS = 2.0
REPLY_LINE = re.compile(rb"[2-5][0-9]{2}(?:[ -]|$)")
CUT = "connection_lost: SMTPServerDisconnected"
TIMED_OUT = "connection_lost: SMTPReadTimeoutError"
NO_SMTP = "connection_lost: SMTPResponseException"


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that decides a message: 250 to its content, or any refusal."""

    code: int
    text: str


@dataclass(frozen=True, slots=True)
class Lost:
    """The connection ended first; `has_left`: the content was on its way, so nobody knows."""

    reason: str
    has_left: bool


@dataclass(slots=True, eq=False)
class Letter:
    """One message for one recipient; `write` gives its bytes, for a server that takes 8-bit text or not."""

    recipient: str
    write: Callable[[bool], bytes]
    fate: Reply | Lost | Rejected | None = None
    is_second_try: bool = False


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the server said it can do (RFC 2920, RFC 6152)."""

    pipelining: bool = False
    eight_bit: bool = False


class Dialogue(asyncio.Protocol):
    """Hands letters over, one after the other.

    Args:
        transport: of a connection that has been greeted, encrypted and logged in.
        abilities: of the server.
        return_path: the envelope's sender.
        timeout_seconds: the longest wait for one whole reply.
    """

    def __init__(
        self, transport: asyncio.Transport, abilities: Abilities, return_path: str, timeout_seconds: float
    ) -> None:
        self._abilities = abilities
        self._return_path = return_path.encode("ascii")
        self._timeout = timeout_seconds
        self._loop = asyncio.get_running_loop()
        self._closed: asyncio.Future[None] = self._loop.create_future()
        self._done: asyncio.Future[None] | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._unread = b""
        self._lines: list[bytes] = []
        self._queue: deque[Letter] = deque()
        self._commands: deque[tuple[Part, bytes]] = deque()
        self._awaited: deque[Part] = deque()
        # The letter whose commands are written, its content, and the one before whose content is written.
        self._asked: Letter | None = None
        self._content = b""
        self._sent: Letter | None = None
        self._farewell: Reply | None = None
        self._must_reset = False
        self._transport = transport
        transport.set_protocol(self)

    @property
    def is_usable(self) -> bool:
        """Whether another letter may be tried."""
        return not self._transport.is_closing()

    async def deliver(self, letters: deque[Letter]) -> None:
        """Hand over letters until none is left or the connection ends.

        Every letter taken from the queue has its fate then, or is in the queue again, nothing of it having
        left: once for itself, and as often as the letter before it had brought the connection down.
        """
        self._queue, self._done = letters, self._loop.create_future()
        self._give_time(self._timeout)
        try:
            self._go_on()
            await self._done
        finally:
            if not self._done.done():
                self._end(CUT)
            if self._timer:
                self._timer.cancel()
            self._queue, self._done, self._timer = deque(), None, None

    async def close(self) -> None:
        """Say goodbye, without waiting long for the answer."""
        if self.is_usable:
            self._awaited.append("nothing")
            self._transport.write(b"QUIT\r\n")
            await asyncio.wait([self._closed], timeout=min(self._timeout, GOODBYE_SECONDS))
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        """Read whole lines; what does not look like SMTP ends the connection."""
        *lines, self._unread = (self._unread + data).split(b"\n")
        for line in lines:
            self._read_line(line.rstrip(b"\r"))
        if len(self._unread) > LONGEST_LINE:
            self._end(NO_SMTP)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  (how it was cut changes nothing)
        """Whatever is not answered now never will be."""
        self._end(CUT)
        if not self._closed.done():
            self._closed.set_result(None)

    def _read_line(self, line: bytes) -> None:
        code, is_last = line[:3], line[3:4] != b"-"
        is_one_reply = not self._lines or self._lines[0][:3] == code
        self._lines.append(line)
        if not (REPLY_LINE.match(line) and is_one_reply and len(self._lines) <= MOST_LINES):
            self._end(NO_SMTP)
        elif is_last:
            lines, self._lines = self._lines, []
            self._read_reply(
                Reply(int(code), b"\n".join([part[4:] for part in lines]).decode(errors="replace"))
            )

    def _read_reply(self, reply: Reply) -> None:
        if self._farewell or not self._awaited:  # Out of turn: what else comes cannot be told apart.
            self._end(NO_SMTP)
            return
        self._deadline = self._loop.time() + self._timeout
        match self._awaited.popleft():
            case "content":
                self._content_answered(reply)
            case "data" if reply.code == START_INPUT:
                self._start_content()
            case "sender" | "recipient" | "data" if reply.code in REFUSED:
                self._refused(reply)
            case "sender" | "recipient" | "reset" if reply.code in OK:
                self._go_on()
            case "nothing":
                self._go_on()
            case _:
                self._end(NO_SMTP)

    def _go_on(self, content: bytes = b"") -> None:
        """Write the content and whatever else may go: all commands, or one at a time without PIPELINING."""
        if self._asked is None:
            self._ask()
        pieces = [content]
        while self._commands and (self._abilities.pipelining or not self._awaited):
            part, command = self._commands.popleft()
            self._awaited.append(part)
            pieces.append(command)
        self._transport.write(b"".join(pieces))
        if not self._awaited:
            self._finish()

    def _ask(self) -> None:
        """Prepare the commands of the next letter that can be written at all."""
        while self._queue and self._asked is None:
            letter = self._queue.popleft()
            try:
                content = letter.write(self._abilities.eight_bit)
            except Rejected as error:
                letter.fate = error
                continue
            self._asked, self._content = letter, content.replace(b"\r\n.", b"\r\n..") + b".\r\n"
            body = b"" if content.isascii() else b" BODY=8BITMIME"
            if self._must_reset:
                self._commands.append(("reset", b"RSET\r\n"))
            self._commands.append(("sender", b"MAIL FROM:<%b>%b\r\n" % (self._return_path, body)))
            self._commands.append(("recipient", b"RCPT TO:<%b>\r\n" % letter.recipient.encode("ascii")))
            self._commands.append(("data", b"DATA\r\n"))
            self._must_reset = False

    def _start_content(self) -> None:
        """The server waits for a content; from the write on, the letter may have left."""
        letter, self._asked = self._asked, None
        if letter is None or letter.fate:  # It takes the data of a recipient that it refused: there is none.
            self._must_reset = True
            self._awaited.append("nothing")
            self._go_on(b".\r\n")
        elif not self.is_usable:
            self._asked = letter
        else:
            self._sent = letter
            self._awaited.append("content")
            self._go_on(self._content)

    def _content_answered(self, reply: Reply) -> None:
        letter, self._sent = self._sent, None
        if letter is None or (reply.code != ACCEPTED and reply.code not in REFUSED):
            self._sent = letter
            self._end(NO_SMTP)
        elif reply.code == SHUTTING_DOWN:
            # The answer, if the connection ends with it (RFC 5321, 3.8). If not, it was said out of turn.
            self._sent, self._farewell = letter, reply
            self._give_time(min(self._timeout, GOODBYE_SECONDS))
        else:
            letter.fate = reply
            self._go_on()

    def _refused(self, reply: Reply) -> None:
        """No to a letter's sender, recipient or data; the replies that are still due say the same."""
        letter = self._asked
        if letter and letter.fate is None:
            letter.fate = reply
        self._must_reset = True
        self._commands.clear()
        if reply.code == SHUTTING_DOWN:
            self._end(CUT)
            return
        if "data" not in self._awaited:
            self._asked = None
        self._go_on()

    def _end(self, reason: str) -> None:
        """Hang up, and say of each letter what is certain."""
        is_first_in_line = self._sent is None
        is_farewell = reason == CUT and not self._unread and not self._lines
        if self._sent:
            self._sent.fate = (is_farewell and self._farewell) or Lost(reason, has_left=True)
        if self._asked and self._asked.fate is None:
            if self._asked.is_second_try:
                self._asked.fate = Lost(reason, has_left=False)
            else:
                self._asked.is_second_try = is_first_in_line
                self._queue.appendleft(self._asked)
        self._sent = self._asked = None
        self._commands.clear()
        self._awaited.clear()
        self._transport.abort()
        self._finish()

    def _finish(self) -> None:
        if self._done and not self._done.done():
            self._done.set_result(None)

    def _give_time(self, seconds: float) -> None:
        """Wait so long for the next reply."""
        if self._timer:
            self._timer.cancel()
        self._deadline = self._loop.time() + seconds
        self._timer = self._loop.call_at(self._deadline, self._look_at_the_clock)

    def _look_at_the_clock(self) -> None:
        if self._loop.time() >= self._deadline:
            self._end(TIMED_OUT)
        else:
            self._timer = self._loop.call_at(self._deadline, self._look_at_the_clock)
