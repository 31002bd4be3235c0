"""The table of hostile requests: how each is made, and what it has to be answered.

None may be answered with 5xx, leave a trace, or learn anything; `test_hostile` sees to that.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from bot.teams.endpoint import LARGEST_BYTES
from tests.microsoft import SECRET
from tests.teams.forgeries import FORGED, MALFORMED, Make
from tests.teams.fortress import Fortress, posted, request

Sent = Callable[[Fortress], bytes]

ELSEWHERE = "99999999-0000-4000-8000-000000000000"


@dataclass(frozen=True)
class Attack:
    """One bad request.

    Attributes:
        status: What it has to be answered.
        make: Its bytes.
        whole: Whether all of it is sent; else more is waited for, and the answer alone is read.
    """

    status: int
    make: Sent
    whole: bool = True


def genuine(house: Fortress, **fields: Any) -> dict[str, Any]:
    """An activity as Teams writes it, but for some fields."""
    return house.microsoft.activity(text="agents", **fields)


def _forged(made: str | list[str], house: Fortress) -> bytes:
    values = made if isinstance(made, list) else [f"Bearer {made}"]
    return posted(genuine(house), None, *(("Authorization", value) for value in values))


def _forged_by(make: Make) -> Sent:
    return lambda house: _forged(make(house), house)


def _tokens() -> Iterator[tuple[str, Attack]]:
    for name, make in FORGED.items():
        yield f"token: {name}", Attack(401, _forged_by(make))
    yield "token: of 7 KB", Attack(401, lambda house: _forged("e" * 7_000, house))
    yield "token: of 1 MB", Attack(400, lambda house: _forged("e" * 1_000_000, house), whole=False)
    yield "token: good, with a NUL in it", Attack(400, lambda h: _forged(h.token() + "\0", h))
    yield (
        "token: another address than the activity's",
        Attack(
            401,
            lambda house: posted(
                genuine(house, serviceUrl="https://smba.trafficmanager.net/emea/"), house.token()
            ),
        ),
    )
    yield "token: the client secret", Attack(401, lambda house: _forged(SECRET, house))


def _refused(status: int, **fields: Any) -> Attack:
    """Signed by Microsoft for what it names, and yet not served."""
    url = fields.get("serviceUrl")
    named = {"serviceurl": url} if isinstance(url, str) else {}
    return Attack(status, lambda h: posted(genuine(h, **fields), h.token(**named)))


_NOT_SERVED = (
    "https://smba.evil.example/",
    "https://smba.trafficmanager.net.evil.example/",
    "https://smba.trafficmanager.net@evil.example/",
    "https://evil.example\\@smba.trafficmanager.net/",
    "http://169.254.169.254/latest/meta-data/",
    "http://[::ffff:169.254.169.254]/",
    "http://0.0.0.0:3978/",
    "http://127.0.0.1.evil.example/",
    "file:///etc/passwd",
    "//127.0.0.1/",
    "https://smba.trafficmanager.net/\r\nX-Injected: yes",
)


def _strangers() -> Iterator[tuple[str, Attack]]:
    yield "tenant: foreign", _refused(403, channelData={"tenant": {"id": ELSEWHERE}})
    yield (
        "tenant: foreign, in the conversation",
        _refused(
            403, channelData=None, conversation={"id": "a:personal-megan", "tenantId": ELSEWHERE}
        ),
    )
    yield (
        "tenant: none",
        _refused(403, channelData=None, conversation={"id": "a:personal-megan"}),
    )
    yield "channel: another", _refused(401, channelId="webchat")
    yield "channel: in another case", _refused(401, channelId="MsTeams")
    for url in _NOT_SERVED:
        yield f"service URL: {url!r}", _refused(403, serviceUrl=url)


def _body(house: Fortress, body: bytes, *headers: tuple[str, str]) -> bytes:
    return posted(body, house.token(), *headers)


def _body_of(body: bytes) -> Sent:
    return lambda house: _body(house, body)


def _endless(house: Fortress) -> bytes:
    written = json.dumps(genuine(house, value="endless")).replace('"endless"', "1e999")
    return _body(house, written.encode())


def _typed(media_type: str | None) -> Sent:
    def made(house: Fortress) -> bytes:
        body = json.dumps(genuine(house)).encode()
        headers = [("Content-Length", str(len(body))), ("Authorization", f"Bearer {house.token()}")]
        if media_type is not None:
            headers.append(("Content-Type", media_type))
        return request("POST", "/api/messages", *headers) + body

    return made


def _packed(coding: str, pack: Callable[[bytes], bytes]) -> Sent:
    def made(house: Fortress) -> bytes:
        body = pack(json.dumps(genuine(house)).encode())
        return _body(house, body, ("Content-Encoding", coding))

    return made


def _bomb(_: bytes) -> bytes:
    """50 MB in 200 KB."""
    packer = zlib.compressobj(1, wbits=31)
    return b"".join(packer.compress(bytes(1 << 20)) for _ in range(50)) + packer.flush()


def _bodies() -> Iterator[tuple[str, Attack]]:
    for name, body in MALFORMED.items():
        yield f"body: {name}", Attack(400, _body_of(body))
    yield "body: a number beyond all", Attack(400, _endless)
    for media_type in (
        *(None, "text/plain", "text/json", "application/xml", "application/octet-stream"),
        *("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "*/*", ";"),
        *("application/json; charset=utf-16", "application/json; charset=utf-7"),
    ):
        yield (
            f"media type: {media_type}",
            Attack(415, _typed(media_type)),
        )
    for coding in ("gzip", "deflate", "br", "zstd", "gzip, gzip", "gzip\tidentity"):
        yield (
            f"compressed: {coding}",
            Attack(415, _packed(coding, gzip.compress)),
        )
    yield "compressed: a bomb", Attack(415, _packed("gzip", _bomb))


def _large(house: Fortress) -> bytes:
    return _body(house, b'{"text": "' + b"x" * LARGEST_BYTES + b'"}')


def _chunked(house: Fortress, *chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    headers = (
        ("Content-Type", "application/json"),
        ("Transfer-Encoding", "chunked"),
        ("Authorization", f"Bearer {house.token()}"),
    )
    sent = b"".join(b"%x\r\n%b\r\n" % (len(chunk), chunk) for chunk in chunks)
    return request("POST", "/api/messages", *headers) + sent + end


def _sizes() -> Iterator[tuple[str, Attack]]:
    yield "too large: sent", Attack(413, _large, whole=False)
    yield (
        "too large: in chunks without end",
        Attack(413, lambda h: _chunked(h, *[b" " * 16_384] * 20, end=b""), whole=False),
    )
    yield (
        "too large: promised only",
        Attack(
            413,
            lambda _: request(
                "POST",
                "/api/messages",
                ("Content-Type", "application/json"),
                ("Content-Length", str(10**12)),
            ),
            whole=False,
        ),
    )
    yield "chunks: of a size that is none", Attack(400, lambda h: _chunked(h, end=b"zz\r\n{}\r\n"))
    yield "chunks: of a negative size", Attack(400, lambda h: _chunked(h, end=b"-2\r\n{}\r\n"))
    yield (
        "chunks: of a size beyond all",
        Attack(400, lambda h: _chunked(h, end=b"f" * 40 + b"\r\n{}\r\n")),
    )
    yield (
        "chunks: with an extension of 100 KB",
        Attack(400, lambda h: _chunked(h, end=b"2;" + b"a" * 100_000 + b"\r\n{}\r\n0\r\n\r\n")),
    )
    yield (
        "chunks: with a token in what follows them",
        Attack(400, lambda h: _chunked(h, b"{}", end=b"0\r\nAuthorization: Bearer x\r\n\r\n")),
    )
    yield (
        "another protocol asked for",
        Attack(400, lambda h: posted(genuine(h), h.token(), ("Upgrade", "websocket"))),
    )


ATTACKS: Final = dict(row for group in (_tokens, _strangers, _bodies, _sizes) for row in group())
"""What is sent to ``POST /api/messages``; with a good token where the name says nothing of it."""
