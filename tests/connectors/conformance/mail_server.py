"""The far end of SMTP, as nasty as mail servers are: written by hand, so that it can stop anywhere."""

import asyncio
from collections import deque

from tests.connectors.conformance.far_end import FarEnd

AFTER_CONTENT = {
    "refused_content": b"554 5.6.0 <ann@example.com> message refused\r\n",
    "broken": b"Internal error, please call ann@example.com\r\n",
    "unparsable": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "bad_gateway": b"220 mail.example ready\r\n",
    "cut_answer": b"25",
}
AT_RECIPIENT = {
    "busy": b"450 4.2.1 <ann@example.com> too many messages, slow down\r\n",
    "dead_address": b"550 5.1.1 <ann@example.com> no such user\r\n",
}


class MailServer(FarEnd):
    """One case per content that arrives, in order; the last stays. What was read whole is in `mails`."""

    def __init__(self, extensions=("PIPELINING", "8BITMIME", "AUTH PLAIN LOGIN")):
        super().__init__()
        self.mails = []
        self._extensions = extensions
        self._cases = deque(["accepted"])
        self._case_of = {}

    def behaves(self, cases):
        self._cases = deque(cases)

    def _next_case(self):
        return self._cases.popleft() if len(self._cases) > 1 else self._cases[0]

    async def talk(self, reader, writer):
        if self._cases[0] == "unavailable":
            self._next_case()
            writer.write(b"421 4.3.2 mail.example too many connections\r\n")
            await writer.drain()
            return
        writer.write(b"220 mail.example ESMTP\r\n")
        address = None
        while line := await reader.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            if verb == "RCPT":
                address, reply = self._recipient(rest.partition("<")[2].partition(">")[0])
            elif verb == "DATA" and address:
                if not await self._take(self._case_of.pop(address), reader, writer):
                    return
                address, reply = None, b""
            else:
                reply = self._reply(verb)
            writer.write(reply)
            await writer.drain()
            if verb == "QUIT":
                return

    def _reply(self, verb):
        match verb:
            case "EHLO":
                *first, last = ["mail.example", *self._extensions]
                return "".join([*(f"250-{name}\r\n" for name in first), f"250 {last}\r\n"]).encode()
            case "AUTH" if self._cases[0] == "bad_credentials":
                return b"535 5.7.8 smtp-password is wrong\r\n"
            case "AUTH":
                return b"235 2.7.0 welcome\r\n"
            case "DATA":
                return b"503 5.5.1 no valid recipient\r\n"
            case "QUIT":
                return b"221 2.0.0 bye\r\n"
        return b"250 2.0.0 OK\r\n"

    def _recipient(self, address):
        """The recipient if it is taken, and the reply; one that comes again before its content meets the same."""
        if address not in self._case_of:
            self._case_of[address] = self._next_case()
        case = self._case_of[address]
        if case in AT_RECIPIENT:
            del self._case_of[address]
            return None, AT_RECIPIENT[case]
        return address, b"250 2.1.5 OK\r\n"

    async def _take(self, case, reader, writer):
        """The content, and what is said about it; whether the conversation goes on."""
        writer.write(b"354 go on\r\n")
        await writer.drain()
        if case == "cut_in_request":
            await reader.readexactly(50)
            return False
        mail = await reader.readuntil(b"\r\n.\r\n")
        self.mails.append(mail)
        if case == "silent":
            await asyncio.sleep(30)
        if case == "cut_after_request":
            return False
        key = self.key(mail)
        accepted = f"250 2.0.0 Ok: queued as name-of-{key}\r\n".encode()
        writer.write(AFTER_CONTENT.get(case, accepted))
        await writer.drain()
        return case != "cut_answer"

    @staticmethod
    def key(mail):
        return mail.split(b"X-Millrace-Message-Id: ")[1].split(b"\r\n")[0].decode()
