"""Whether a request comes from this machine itself."""

from __future__ import annotations

from aiohttp import web
from multidict import CIMultiDictProxy

from bot.settings import is_loopback


def why_not_local(request: web.Request) -> str | None:
    """Let only this machine in: no proxy, no tunnel, no page that renamed its own host."""
    peer = request.transport.get_extra_info("peername") if request.transport else None
    if not peer or not is_loopback(str(peer[0])):
        return "not from this machine"
    if not is_loopback(_host_name(request.headers)):
        return "the Host header names another machine"
    if "X-Forwarded-For" in request.headers or "Forwarded" in request.headers:
        return "came through a proxy"
    return None


def _host_name(headers: CIMultiDictProxy[str]) -> str:
    host = headers.get("Host", "")
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
