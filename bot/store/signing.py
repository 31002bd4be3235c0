"""The key that signs what cards carry: one per tenant, made here, never leaving the database."""

from __future__ import annotations

import secrets
from typing import Any

from psycopg import AsyncConnection

Connection = AsyncConnection[Any]


async def signing_key(conn: Connection, tenant: str) -> bytes:
    """The tenant's key, made at the first call; replicas that race get the same one."""
    await conn.execute(
        "INSERT INTO signing_keys (tenant, key) VALUES (%s, %s) ON CONFLICT DO NOTHING",
        (tenant, secrets.token_bytes(32)),
    )
    cursor = await conn.execute("SELECT key FROM signing_keys WHERE tenant = %s", (tenant,))
    row = await cursor.fetchone()
    if row is None:
        raise LookupError("a signing key that was just written is not there")
    return bytes(row[0])
