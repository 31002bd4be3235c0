"""Who chatted when: an invented past that follows from the seed, and this world's own sessions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Literal

from bot.sandbox.chance import number, pick, unit
from bot.sandbox.companies import company_of_tenant, library_companies
from bot.sandbox.operations.approvals import SERVICE_ACCOUNT
from bot.sandbox.profiles import stable_id

if TYPE_CHECKING:
    from bot.sandbox.records import Session
    from bot.sandbox.world import World

Audience = Literal["msp", "end-user"]

_PAST_DAYS = 200
_OFFICE_BEGINS = timedelta(hours=8)
_OFFICE_SECONDS = 9 * 3_600
_SATURDAY = 5
_FIRST_TICKET = 600_000
_MSP_CHANCE, _MSP_MOST = 0.7, 6
_END_USER_CHANCE, _END_USER_MOST = 0.12, 3
_TICKET_CHANCE = 0.3


@dataclass(frozen=True, slots=True)
class User:
    """A person who chats; the company is None for the MSP's own people."""

    key: str
    name: str
    email: str
    company_id: str | None = None
    company: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """One message: by whom, in which session, when; `ticket` is the one that it raised."""

    user: User
    session: str
    at: datetime
    ticket: str | None = None


def past_begins(world: World) -> datetime:
    """The first instant of the invented past: the beginning of a month (UTC)."""
    then = world.history.anchor - timedelta(days=_PAST_DAYS)
    return datetime(then.year, then.month, 1, tzinfo=UTC)


def messages(
    world: World, audience: Audience, since: datetime, until: datetime, *, teams_only: bool = False
) -> Iterator[Said]:
    """What people wrote from `since` up to `until`, not included.

    Args:
        world: Whose.
        audience: The MSP's people, or its clients'.
        since: Beginning (UTC).
        until: End (UTC).
        teams_only: Whether to leave out what came over the API.
    """
    yield from _told(world, audience, since, until)
    for session in world.records.chat.sessions.values():
        if _audience(world, session) != audience or (teams_only and session.channel != "TEAMS"):
            continue
        user = _user(world, session)
        for turn in session.turns:
            if since <= turn.asked_at < until:
                yield Said(user, session.id, turn.asked_at)


def _told(world: World, audience: Audience, since: datetime, until: datetime) -> Iterator[Said]:
    """The invented past's part of a window, day by day."""
    low, top = max(since, past_begins(world)), min(until, world.history.anchor)
    day = datetime(low.year, low.month, low.day, tzinfo=UTC)
    people = _people(world, audience)
    while day < top:
        for place, user in enumerate(people):
            for said in _day(world, audience, place, user, day):
                if low <= said.at < top:
                    yield said
        day += timedelta(days=1)


def people_count(world: World, audience: Audience) -> int:
    """How many people of an audience could chat in the invented past."""
    return len(_people(world, audience))


def _people(world: World, audience: Audience) -> list[User]:
    if audience == "msp":
        return [
            User(identifier, name, f"{name.replace(' ', '.')}@tailwindit.example".lower())
            for identifier, name in world.people
        ]
    names, seed = world.planner.library.names, world.seed
    users: dict[str, User] = {}
    for place, (identifier, company) in enumerate(library_companies(world).items()):
        for who in range(3 + place % 4):
            first = pick(names.first, seed, 100, place, who)
            last = pick(names.last, seed, 101, place, who)
            email = f"{first}.{last}@{company.domain}".lower()
            key = stable_id(seed, f"user {email}")
            users[key] = User(key, f"{first} {last}", email, identifier, company.name)
    return list(users.values())


def _day(world: World, audience: Audience, place: int, user: User, day: datetime) -> Iterator[Said]:
    """The messages of one person on one day: one session, in working hours."""
    is_msp = audience == "msp"
    keys = (int(is_msp), place, day.toordinal())
    chance = _MSP_CHANCE if is_msp else _END_USER_CHANCE
    if day.weekday() >= _SATURDAY or unit(world.seed, 102, *keys) >= chance:
        return
    count = 1 + number(world.seed, 103, *keys) % (_MSP_MOST if is_msp else _END_USER_MOST)
    raises = not is_msp and unit(world.seed, 104, *keys) < _TICKET_CHANCE
    ticket = str(_FIRST_TICKET + (day - past_begins(world)).days * 100 + place)
    for turn in range(count):
        seconds = (turn + unit(world.seed, 105, *keys, turn)) / count * _OFFICE_SECONDS
        at = day + _OFFICE_BEGINS + timedelta(seconds=seconds)
        yield Said(user, f"{user.key} {day:%F}", at, ticket if raises and turn == 0 else None)


def _audience(world: World, session: Session) -> Audience:
    agent = world.agents.get(session.agent_id) if session.agent_id is not None else None
    return "end-user" if agent is not None and agent.audience == "END_USER" else "msp"


def _user(world: World, session: Session) -> User:
    tenant = session.inbound_tenant_id
    company = company_of_tenant(world, tenant) if tenant else None
    if tenant is None or company is None:
        return User(*SERVICE_ACCOUNT, "")
    return User(tenant, f"Someone at {company[1]}", "", *company)
