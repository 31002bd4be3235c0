"""Keys are made and rotated by the dashboard's admin, and open the door as long as they should."""

from datetime import timedelta
from typing import Any

import pytest

from bot.sandbox.embedded import ADMIN_TOKEN, EmbeddedNeo
from bot.sandbox.records import Records
from bot.sandbox.records.keys import FIRST_KEY_ID
from bot.sandbox.runs import stamp
from tests.sandbox.conftest import START, Client, Clock


@pytest.fixture
def admin(client: Client) -> Client:
    admin = Client(client.session, client.neo)
    admin.key = ADMIN_TOKEN
    return admin


async def opens(client: Client, key: str) -> bool:
    tried = Client(client.session, client.neo)
    tried.key = key
    return (await tried.get("/agents")).status == 200


async def test_a_made_key_opens_the_door(client: Client, admin: Client) -> None:
    made = (await admin.post("/api-keys", {"name": "Teams bot"})).data

    assert made["key"].startswith("neo_sk_")
    assert (made["name"], made["expires_at"]) == ("Teams bot", None)
    assert await opens(client, made["key"])
    assert not await opens(client, made["key"][:-1])


async def test_a_key_makes_no_keys(client: Client) -> None:
    made = await client.post("/api-keys", {"name": "Mine"})
    rotated = await client.post(f"/api-keys/{FIRST_KEY_ID}/rotate")

    assert (made.status, made.code) == (rotated.status, rotated.code) == (403, "FORBIDDEN")


async def test_a_key_ends_when_it_expires(client: Client, admin: Client, clock: Clock) -> None:
    end = stamp(START + timedelta(hours=1))
    made = (await admin.post("/api-keys", {"name": "Short", "expires_at": end})).data
    clock.goes_on(3_599)
    before = await opens(client, made["key"])
    clock.goes_on(1)

    assert made["expires_at"] == end
    assert (before, await opens(client, made["key"])) == (True, False)
    assert (await admin.post(f"/api-keys/{made['id']}/rotate")).status == 404


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"name": " "}, 400),
        ({"name": "Late", "expires_at": stamp(START)}, 422),
        ({"name": "Late", "expires_at": "tomorrow"}, 400),
    ],
)
async def test_a_key_that_cannot_be_is_refused(
    admin: Client, body: dict[str, Any], status: int
) -> None:
    assert (await admin.post("/api-keys", body)).status == status


async def test_a_rotated_key_works_on_for_a_day(
    neo: EmbeddedNeo, client: Client, admin: Client, clock: Clock
) -> None:
    fresh = (await admin.post(f"/api-keys/{FIRST_KEY_ID}/rotate")).data
    clock.goes_on(24 * 3_600 - 1)
    on_the_last_second = await opens(client, neo.key)
    clock.goes_on(1)

    assert on_the_last_second
    assert not await opens(client, neo.key)
    assert await opens(client, fresh["key"])
    assert (await admin.post("/api-keys/none/rotate")).status == 404


async def test_rotating_again_ends_neither_old_secret_early(client: Client, admin: Client) -> None:
    made = (await admin.post("/api-keys", {"name": "Teams bot"})).data
    second = (await admin.post(f"/api-keys/{made['id']}/rotate")).data
    third = (await admin.post(f"/api-keys/{made['id']}/rotate")).data

    assert len({made["key"], second["key"], third["key"]}) == 3
    for secret in (made["key"], second["key"], third["key"]):
        assert await opens(client, secret)


def test_no_secret_is_kept_and_a_restart_does_not_revive_a_rotated_key() -> None:
    records = Records()
    records.keys.add("first secret")
    records.keys.add_admin("admin secret")
    records.keys.rotate(FIRST_KEY_ID, "second secret", START)

    saved = records.model_dump_json()
    again = Records.model_validate_json(saved).keys
    again.add("first secret")

    assert "secret" not in saved
    assert "secret" not in repr(records)
    assert again.caller("first secret", START + timedelta(hours=23)) == "key"
    assert again.caller("first secret", START + timedelta(hours=24)) is None
    assert again.caller("second secret", START + timedelta(days=30)) == "key"
    assert again.caller("admin secret", START) is None
    assert again.caller("", START) is None


def test_a_rotated_first_key_stays_dead_however_often_it_is_rotated_again() -> None:
    keys = Records().keys
    keys.add("first secret")
    for place in range(40):
        keys.rotate(FIRST_KEY_ID, f"secret {place}", START)
    later = START + timedelta(days=30)
    again = Records.model_validate_json(Records(keys=keys).model_dump_json()).keys
    again.add("first secret")

    for held in (keys, again):
        assert held.caller("first secret", later) is None
        assert held.caller("secret 39", later) == "key"
