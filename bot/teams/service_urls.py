"""Which service URLs may be believed and written to: the hosts of Teams' connector."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import httpx

from bot.settings import is_loopback

_HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class ServiceHosts:
    """The hosts that a service URL may name.

    Attributes:
        patterns: Host names; ``*.example.com`` matches every subdomain, ``host:8443`` a port.
        loopback: Whether this machine's own addresses are good too, over http as well: for the
            demo and for tests.
    """

    patterns: tuple[str, ...]
    loopback: bool = False

    def allow(self, service_url: str) -> bool:
        """Whether the bot may send its cards, and its token, to this URL.

        The URL is read by the library that will call it, so that no second reading can differ.
        """
        return _allowed(self, service_url)


# Teams names the same few in every activity.
@lru_cache(maxsize=256)
def _allowed(hosts: ServiceHosts, service_url: str) -> bool:
    try:
        url = httpx.URL(service_url)
    except httpx.InvalidURL:
        return False
    if url.userinfo or url.query or url.fragment or not url.host:
        return False
    if hosts.loopback and is_loopback(url.host):
        return url.scheme in {"http", "https"}
    return url.scheme == "https" and any(_matches(p.lower(), url) for p in hosts.patterns)


def _matches(pattern: str, url: httpx.URL) -> bool:
    name, _, port = pattern.partition(":")
    if (url.port or _HTTPS_PORT) != int(port or _HTTPS_PORT):
        return False
    if name.startswith("*."):
        return url.host.endswith(name[1:])
    return url.host == name


def same_service(one: str, other: str) -> bool:
    """Whether two service URLs are the same, but for case and trailing slashes.

    The token's claim is signed by Microsoft, whose own SDKs compare without case.
    """
    return one.rstrip("/").casefold() == other.rstrip("/").casefold()
