"""What the push services have in common in the suite."""

from functools import cache
from types import MappingProxyType

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.connectors.conformance.suite import PEOPLE, HttpConformance

ONE_PER_CALL = MappingProxyType(
    dict.fromkeys(("reordered", "duplicated", "shortened"), "one message per call")
)
NO_PARTS = MappingProxyType({"failure_inside": "a success has no parts"} | ONE_PER_CALL)


def everybody():
    return (*PEOPLE, *(f"p{number}" for number in range(40)))


@cache
def pem(kind):
    key = rsa.generate_private_key(65537, 2048) if kind == "rsa" else ec.generate_private_key(ec.SECP256R1())
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


class PushConformance(HttpConformance):
    suppresses = "invalid_token"

    def changes(self, person):
        return {"channel": "push", "address": self.token(person), "template": "push/cart_reminder"}
