"""The key that signs what cards carry: one per tenant, made here, never leaving the database."""

from __future__ import annotations

import secrets
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]


async def signing_key(conn: Connection, tenant: str) -> bytes:
    """The tenant's key, made at the first call; replicas that race get the same one."""
    key = await _find(conn, tenant)
    if key is None:
        await conn.execute(
            "INSERT INTO signing_keys (tenant, key) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            (tenant, secrets.token_bytes(32)),
        )
        key = await _find(conn, tenant)
    if key is None:
        raise LookupError("a signing key that was just written is not there")
    return key


async def _find(conn: Connection, tenant: str) -> bytes | None:
    cursor = await conn.execute("SELECT key FROM signing_keys WHERE tenant = %s", (tenant,))
    row = await cursor.fetchone()
    return bytes(row[0]) if row else None
