"""The far end over HTTP/2 and TLS, with a certificate that is made for the test."""

import ssl
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from h2.errors import ErrorCodes
from h2.settings import SettingCodes, Settings

from tests.connectors.conformance.vendor import (
    Answer,
    CutAfterRequest,
    CutAnswer,
    CutInRequest,
    Request,
    Silence,
    Vendor,
)


@cache
def certificate():
    """(server's TLS context, client's TLS context): a certificate for 127.0.0.1, and whoever trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    public = signed.public_bytes(Encoding.PEM)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with TemporaryDirectory() as folder:
        chain = Path(folder) / "chain.pem"
        chain.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + public)
        server.load_cert_chain(chain)
    server.set_alpn_protocols(["h2"])
    return server, ssl.create_default_context(cadata=public.decode())


class RefusedStream:
    """Says that it has not looked at the request."""


class GoAway:
    """Announces that it leaves and does not look at this request; what it holds, it answers afterwards."""


@dataclass(frozen=True)
class Held:
    """Answered when as many are held as the server allows at once, or when it leaves."""

    answer: Answer


class Http2Vendor(Vendor):
    """Plans as in `Vendor`, one per request; the streams of a connection are independent of each other.

    `most_streams` is what the server allows at once, `most_at_once` what it has seen.
    """

    def __init__(self, most_streams=100):
        super().__init__()
        self.tls, self.trust = certificate()
        self.most_streams = most_streams
        self.most_at_once = 0

    async def talk(self, reader, writer):
        wire = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        )
        wire.local_settings = Settings(
            client=False, initial_values={SettingCodes.MAX_CONCURRENT_STREAMS: self.most_streams}
        )
        wire.initiate_connection()
        writer.write(wire.data_to_send())
        arriving, held = {}, {}
        while received := await reader.read(65536):
            for event in wire.receive_data(received):
                stays = self._take(wire, event, arriving, held, writer)
                self.most_at_once = max(self.most_at_once, len(arriving) + len(held))
                if not stays:
                    writer.write(wire.data_to_send())
                    await writer.drain()
                    return
            writer.write(wire.data_to_send())
            await writer.drain()

    def _take(self, wire, event, arriving, held, writer):
        """One event of the connection; whether it stays open."""
        if isinstance(event, h2.events.RequestReceived):
            plan = self._plans.popleft() if len(self._plans) > 1 else self._plans[0]
            arriving[event.stream_id] = (plan, dict(event.headers), [])
            return plan is not CutInRequest
        if isinstance(event, h2.events.DataReceived):
            arriving[event.stream_id][2].append(event.data)
            wire.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
        if isinstance(event, h2.events.StreamEnded):
            plan, headers, parts = arriving.pop(event.stream_id)
            request = Request(
                headers[":method"], urlsplit(headers[":path"]).path, {}, headers, b"".join(parts)
            )
            self.requests.append(request)
            if isinstance(plan, Held):
                held[event.stream_id] = plan.answer
            elif plan is GoAway:
                # By hand: after its own GOAWAY, the library would send nothing more.
                last = max(event.stream_id - 2, 0).to_bytes(4)
                writer.write(wire.data_to_send() + b"\0\0\x08\x07\0\0\0\0\0" + last + b"\0\0\0\0")
            else:
                return self._answer(wire, event.stream_id, plan, request)
            if plan is GoAway or len(held) == self.most_streams:
                for stream in list(held):
                    self._answer(wire, stream, held.pop(stream), request)
        return True

    def _answer(self, wire, stream, plan, request):
        if callable(plan) and not isinstance(plan, type):
            plan = plan(request)
        if plan is Silence:
            return True
        if plan is RefusedStream:
            wire.reset_stream(stream, ErrorCodes.REFUSED_STREAM)
            return True
        if plan is CutAfterRequest:
            return False
        is_cut = isinstance(plan, CutAnswer)
        answer = plan.answer if is_cut else plan
        assert isinstance(answer, Answer)
        head, _, body = answer.bytes().partition(b"\r\n\r\n")
        lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
        headers = [(name.lower(), value) for name, _, value in lines if name.lower() != "connection"]
        wire.send_headers(stream, [(":status", str(answer.status)), *headers])
        wire.send_data(stream, body[: len(body) // 2] if is_cut else body, end_stream=not is_cut)
        return answer.keeps and not is_cut
