"""httpx requests sent by aiohttp's client, whose pool of connections stays fast when it is large.

No answer is read beyond `LARGEST_BYTES`, whoever gives it.

httpx's own pool looks at every connection for every request, which is where the time goes when a
hundred are made at once; and it may close a connection that was just given to a request.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol
from urllib.request import getproxies, proxy_bypass

import aiohttp
import httpx
import orjson
from yarl import URL

LARGEST_BYTES: Final = 8 * 1024 * 1024
"""No answer that makes sense here is larger, unpacked; the largest known is a tenth of it."""

_KEPT_SECONDS: Final = 15.0
_HTTP: Final = {"http_version": b"HTTP/1.1"}
# httpx has set them, or left them out on purpose.
_NOT_ADDED: Final = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")

# What is no longer so of a body that was unpacked.
_UNPACKED: Final = (b"content-encoding", b"content-length")


class TooLarge(httpx.RemoteProtocolError):
    """An answer of more than `LARGEST_BYTES`. What came of it is thrown away.

    Attributes:
        status: Its HTTP status.
    """

    def __init__(self, status: int) -> None:
        super().__init__("the answer is too large")
        self.status = status


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer, read to its end.

    Attributes:
        status: Its HTTP status.
        headers: Looked up without case.
        content: Its body, unpacked.
    """

    status: int
    headers: Mapping[str, str]
    content: bytes = b""

    @property
    def is_success(self) -> bool:
        """Whether its status is one of those that say so."""
        return httpx.codes.is_success(self.status)

    def json(self) -> Any:
        """What it says.

        Raises:
            ValueError: it is no JSON.
        """
        return orjson.loads(self.content)


class Asking(Protocol):
    """Sends one request and reads its answer; `AiohttpTransport.ask` is one."""

    async def __call__(
        self,
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str],
        content: bytes | None,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 -- several, for its parts
    ) -> Answered:
        """The answer.

        Raises:
            httpx.ConnectError, httpx.ConnectTimeout: nothing was sent.
            httpx.TransportError: any other one; it may have arrived.
        """
        ...


class DirectClient(httpx.AsyncClient):
    """Sends requests by one transport, and that is all.

    httpx's own client looks at each for redirects, cookies, hooks and credentials: what is not
    wanted here takes several times as long as handing the request on.
    """

    def __init__(self, transport: AiohttpTransport, **more: Any) -> None:
        super().__init__(transport=transport, **more)
        self._direct = transport

    async def send(
        self, request: httpx.Request, *, stream: bool = False, **_: Any
    ) -> httpx.Response:
        """Send it; unless it is to be streamed, the answer is read."""
        if not stream:
            return await self._direct.answered(request)
        response = await self._direct.handle_async_request(request)
        response.request = request
        return response


class AiohttpTransport(httpx.AsyncBaseTransport):
    """Sends what an `httpx.AsyncClient` has built; as many connections as there are requests.

    It keeps no cookies, follows no redirect and repeats nothing but a GET for which a connection
    was used that the other side had just closed. Proxies are those of the environment at the first
    request to a host; certificates are checked as httpx does. Answers come unpacked, for aiohttp
    unpacks piece by piece, and httpx whatever may be in a piece.
    """

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None
        self._proxies: dict[URL, URL | None] = {}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send it; the answer's body is still to be read.

        Raises:
            httpx.ConnectError, httpx.ConnectTimeout: nothing was sent.
            TooLarge: also while the body is read.
            httpx.TransportError: any other one; it may have arrived.
        """
        with _as_httpx_says():
            response = await self._sent(request)
        return httpx.Response(
            response.status, headers=_kept(response), stream=_Body(response), extensions=_HTTP
        )

    async def answered(self, request: httpx.Request) -> httpx.Response:
        """Send it, and read the answer to its end.

        Raises:
            httpx.TransportError: as `handle_async_request`.
        """
        with _as_httpx_says():
            async with await self._sent(request) as response:
                content = await _whole(response)
        return httpx.Response(
            response.status,
            headers=_kept(response),
            content=content,
            request=request,
            extensions=_HTTP,
        )

    async def ask(
        self,
        method: str,
        url: URL,
        *,
        headers: Mapping[str, str],
        content: bytes | None,
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 -- several, for its parts
    ) -> Answered:
        """See `Asking`: a call without httpx's own objects, which cost as much as the call."""
        with _as_httpx_says():
            async with await self._opened().request(
                method,
                url,
                headers=headers,
                data=content,
                allow_redirects=False,
                timeout=timeout,
                proxy=self._proxy(url),
            ) as response:
                return Answered(response.status, response.headers, await _whole(response))

    async def _sent(self, request: httpx.Request) -> aiohttp.ClientResponse:
        within = request.extensions.get("timeout", {})
        url = URL(str(request.url), encoded=True)
        return await self._opened().request(
            request.method,
            url,
            headers=[(k.decode("ascii"), v.decode("latin-1")) for k, v in request.headers.raw],
            data=await request.aread() or None,
            allow_redirects=False,
            timeout=aiohttp.ClientTimeout(
                total=None, sock_connect=within.get("connect"), sock_read=within.get("read")
            ),
            proxy=self._proxy(url),
        )

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session is not None:
            await self._session.close()

    def _opened(self) -> aiohttp.ClientSession:
        # Not before the first request: it belongs to the loop that runs then.
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=0, keepalive_timeout=_KEPT_SECONDS, ssl=httpx.create_ssl_context()
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                skip_auto_headers=_NOT_ADDED,
            )
        return self._session

    def _proxy(self, url: URL) -> URL | None:
        """The proxy on the way there, with its password.

        aiohttp itself would look in two threads, and for a password in .netrc, at every request.
        """
        origin = url.origin()
        if origin not in self._proxies:
            self._proxies[origin] = _proxy_of(origin)
        return self._proxies[origin]


def _proxy_of(origin: URL) -> URL | None:
    named = getproxies().get(origin.scheme)
    if not named or proxy_bypass(origin.host or ""):
        return None
    return URL(named if "://" in named else f"http://{named}")


def _kept(response: aiohttp.ClientResponse) -> list[tuple[bytes, bytes]]:
    return [held for held in response.raw_headers if held[0].lower() not in _UNPACKED]


async def _whole(response: aiohttp.ClientResponse) -> bytes:
    content = await response.content.readany()
    while piece := await response.content.readany():
        content += piece
        if len(content) > LARGEST_BYTES:
            raise TooLarge(response.status)
    return content


class _Body(httpx.AsyncByteStream):
    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self._response = response

    async def __aiter__(self) -> AsyncIterator[bytes]:
        read = 0
        with _as_httpx_says():
            async for piece in self._response.content.iter_any():
                read += len(piece)
                if read > LARGEST_BYTES:
                    raise TooLarge(self._response.status)
                yield piece

    async def aclose(self) -> None:
        # Read to its end it is back in the pool; what is not, is closed.
        self._response.release()


@contextmanager
def _as_httpx_says() -> Iterator[None]:
    """Faults in httpx's words. aiohttp's may hold the request's headers, and the key among them."""
    fault: httpx.TransportError | None = None
    try:
        yield
    except aiohttp.ConnectionTimeoutError:
        fault = httpx.ConnectTimeout("no connection in time")
    except aiohttp.ClientConnectorError as error:
        fault = httpx.ConnectError(str(error))
    except TimeoutError:
        fault = httpx.ReadTimeout("no answer in time")
    except (aiohttp.ClientResponseError, aiohttp.ClientPayloadError) as error:
        fault = httpx.RemoteProtocolError(type(error).__name__)
    except (aiohttp.ClientError, OSError) as error:
        # Whatever else breaks, breaks while it is sent or answered.
        fault = httpx.ReadError(type(error).__name__)
    if fault is not None:
        raise fault
