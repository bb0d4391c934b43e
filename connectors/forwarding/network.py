"""Where a webhook may lead: to the public internet, unless it is declared otherwise.

The name is judged by the addresses that it resolves to, and the connection goes to these very addresses: a
name that changes its mind between check and call (DNS rebinding) gains nothing.
"""

from __future__ import annotations

import ipaddress
import socket

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

TRANSLATED = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32")))
"""Addresses that stand for an IPv4 address, which a gateway on the way may take to be one of ours."""


def is_public(address: Address) -> bool:
    """Whether it belongs to the internet rather than to this machine, its network or its cloud."""
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    judged = mapped or address
    is_translated = any(judged in network for network in TRANSLATED if network.version == judged.version)
    return judged.is_global and not judged.is_multicast and not is_translated


class PublicResolver(AbstractResolver):
    """Resolves names to public addresses only; a name that has none cannot be connected to."""

    def __init__(self) -> None:
        self._resolver = ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """As any resolver.

        Raises:
            OSError: none of its addresses is public.
        """
        found = await self._resolver.resolve(host, port, family)
        public = [each for each in found if is_public(ipaddress.ip_address(each["host"].partition("%")[0]))]
        if not public:
            raise OSError("not a public address")
        return public

    async def close(self) -> None:
        """Give everything back."""
        await self._resolver.close()
