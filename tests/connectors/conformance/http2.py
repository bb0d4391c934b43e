"""The far end over HTTP/2 and TLS, with a certificate that is made for the test."""

import ssl
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


class Http2Vendor(Vendor):
    """Plans as in `Vendor`, one per request; the streams of a connection are independent of each other."""

    def __init__(self):
        super().__init__()
        self.tls, self.trust = certificate()

    async def talk(self, reader, writer):
        wire = h2.connection.H2Connection(
            h2.config.H2Configuration(client_side=False, header_encoding="utf-8")
        )
        wire.initiate_connection()
        writer.write(wire.data_to_send())
        arriving = {}
        while received := await reader.read(65536):
            for event in wire.receive_data(received):
                if not self._take(wire, event, arriving):
                    writer.write(wire.data_to_send())
                    await writer.drain()
                    return
            writer.write(wire.data_to_send())
            await writer.drain()

    def _take(self, wire, event, arriving):
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
            return self._answer(wire, event.stream_id, plan, request)
        return True

    def _answer(self, wire, stream, plan, request):
        if callable(plan) and not isinstance(plan, type):
            plan = plan(request)
        if plan is Silence:
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
