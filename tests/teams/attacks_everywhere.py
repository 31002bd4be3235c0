"""The table of hostile requests that are sent to every route there is: bad HTTP, and odd HTTP."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from tests.teams.fortress import request

METHODS: Final = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")


@dataclass(frozen=True)
class Route:
    """A path, and the methods that it has."""

    path: str
    methods: frozenset[str]

    @property
    def method(self) -> str:
        return "POST" if "POST" in self.methods else "GET"

    def asked(self, *headers: tuple[str, str], path: str = "", version: str = "1.1") -> bytes:
        """A request for it without a body."""
        return request(self.method, path or self.path, *headers, version=version)

    def raw(self, rest: bytes) -> bytes:
        """Its request line, and then what the test says."""
        return f"{self.method} {self.path} HTTP/1.1\r\nHost: bot\r\n".encode() + rest


def routes(app: web.Application) -> list[Route]:
    """Every route of the application, whoever added it."""
    found: dict[str, set[str]] = {}
    for route in app.router.routes():
        assert route.resource is not None
        found.setdefault(route.resource.canonical, set()).add(route.method)
    return [Route(path, frozenset(methods)) for path, methods in found.items()]


_LENGTHS = b"Connection: close\r\nContent-Length: 2\r\n"
_HIDDEN = b"POST /api/messages HTTP/1.1\r\nHost: bot\r\n\r\n"

MALFORMED_HTTP: Final[dict[str, Callable[[Route], bytes]]] = {
    "no method that there is": lambda r: request("FOO", r.path),
    "a method of 5,000 letters": lambda r: request("A" * 5_000, r.path),
    "a method with a line in it": lambda r: request("GET\r\nX: y", r.path),
    "no Host": lambda r: f"{r.method} {r.path} HTTP/1.1\r\n\r\n".encode(),
    "two Hosts": lambda r: r.raw(b"Host: other\r\n\r\n"),
    "HTTP 3.7": lambda r: r.asked(version="3.7"),
    "HTTP/2": lambda _: b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": lambda _: b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(64),
    "no words": lambda _: bytes(range(256)) * 4,
    "a NUL in the path": lambda r: f"{r.method} {r.path}\0 HTTP/1.1\r\nHost: bot\r\n\r\n".encode(),
    "a space in the path": lambda r: r.asked(path=f"{r.path} x"),
    "a path of 100 KB": lambda r: r.asked(path=f"{r.path}/{'a' * 100_000}"),
    "a query of 100 KB": lambda r: r.asked(path=f"{r.path}?{'a' * 100_000}"),
    "a header of 100 KB": lambda r: r.asked(("X-Long", "a" * 100_000)),
    "10,000 headers": lambda r: r.asked(*[(f"X-{n}", "1") for n in range(10_000)]),
    "a header's name of 100 KB": lambda r: r.asked(("X" * 100_000, "1")),
    "a CR in a header": lambda r: r.asked(("X-One", "1\rX-Two: 2")),
    "a NUL in a header": lambda r: r.asked(("X-One", "1\0")),
    "a header without a colon": lambda r: r.raw(b"X-One\r\n\r\n"),
    "a folded header": lambda r: r.raw(b"X-One: 1\r\n  2\r\n\r\n"),
    "a space before the colon": lambda r: r.raw(b"Content-Length : 2\r\n\r\n{}"),
    "lines that end in LF": lambda r: f"{r.method} {r.path} HTTP/1.1\nHost: bot\n\n".encode(),
    "a length and chunks": lambda r: r.raw(
        _LENGTHS + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + _HIDDEN
    ),
    "chunks and a length": lambda r: r.raw(
        b"Transfer-Encoding: chunked\r\n" + _LENGTHS + b"\r\n0\r\n\r\n" + _HIDDEN
    ),
    "two lengths": lambda r: r.raw(_LENGTHS + b"Content-Length: 40\r\n\r\n{}" + _HIDDEN),
    "a length that is none": lambda r: r.raw(b"Content-Length: many\r\n\r\n{}"),
    "a negative length": lambda r: r.raw(b"Content-Length: -2\r\n\r\n{}"),
    "a length with a sign": lambda r: r.raw(b"Content-Length: +2\r\n\r\n{}"),
    "a length beyond all": lambda r: r.raw(b"Content-Length: " + b"9" * 40 + b"\r\n\r\n{}"),
    "chunks of another name": lambda r: r.raw(
        b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + _HIDDEN
    ),
    "chunks that are not last": lambda r: r.raw(
        b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + _HIDDEN
    ),
    "chunks twice": lambda r: r.raw(
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + _HIDDEN
    ),
}  # fmt: skip
"""No HTTP: 400, and nothing after it on the connection."""

ELSEWHERE: Final[dict[str, Callable[[Route], bytes]]] = {
    "a slash more at its end": lambda r: r.asked(path=f"{r.path}/"),
    "a slash more before it": lambda r: r.asked(path=f"/{r.path}"),
    "up and down again": lambda r: r.asked(path=f"/x/%2e%2e{r.path}"),
    "a backslash": lambda r: r.asked(path=f"/x\\..{r.path}"),
    "capitals": lambda r: r.asked(path=r.path.upper()),
    "an encoded NUL": lambda r: r.asked(path=f"{r.path}%00"),
    "an encoded slash": lambda r: r.asked(path="/" + r.path[1:] + "%2f"),
    "a parameter": lambda r: r.asked(path=f"{r.path};x=1"),
    "a file outside": lambda r: r.asked(path="/../../../../etc/passwd"),
    "a tunnel": lambda _: request("CONNECT", "evil.example:443"),
    "all of it": lambda _: request("OPTIONS", "*"),
}
"""Other places, however near: 404."""

ODD: Final[dict[str, Callable[[Route], bytes]]] = {
    "an absolute target": lambda r: r.asked(path=f"http://evil.example{r.path}"),
    "HTTP/1.0 without a Host": lambda r: f"{r.method} {r.path} HTTP/1.0\r\n\r\n".encode(),
    "a Host that is none": lambda r: r.raw(b"Connection: close\r\n\r\n").replace(b"bot", b"a b/@"),
    "a query of 5 KB": lambda r: r.asked(path=f"{r.path}?{'a' * 5_000}"),
    "a query that holds a header": lambda r: r.asked(path=f"{r.path}?a=%0d%0aX-Injected:%201"),
    "a header that holds another": lambda r: r.asked(("X-One", "%0d%0aX-Injected: 1")),
    "another method in a header": lambda r: r.asked(("X-HTTP-Method-Override", "DELETE")),
    "another path in a header": lambda r: r.asked(("X-Original-URL", "/api/messages")),
    "from this machine, says a header": lambda r: r.asked(("X-Forwarded-For", "127.0.0.1")),
    "a body": lambda r: r.asked(("Content-Length", "2")) + b"{}",
    "a cookie of 8 KB": lambda r: r.asked(("Cookie", "a=" + "b" * 8_000)),
    "bytes that are no text": lambda r: r.raw(b"X-One: \xff\xfe\r\nConnection: close\r\n\r\n"),
}
"""HTTP that changes nothing about what the route answers."""
