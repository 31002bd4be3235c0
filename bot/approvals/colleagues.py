"""Everybody of a tenant who is known here, and whom of them somebody means by a name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from bot.messaging import Mention
from bot.policies import Policy
from bot.store import delegations
from bot.store.circumstances import Delegation
from bot.store.database import Connection
from bot.store.delegations import Colleague
from cards.delegation import Choice

ASKED_WITHIN: Final = timedelta(days=90)
"""Whom Neo named as an approver no longer ago than this is one."""


@dataclass(frozen=True, slots=True)
class Colleagues:
    """The people of one tenant, and what is in force among them.

    Attributes:
        people: By Entra object id.
        deciders: Who may decide approvals at all.
        in_force: The delegations of the moment.
    """

    people: dict[str, Colleague]
    deciders: frozenset[str]
    in_force: Sequence[Delegation]

    def choice(self, person: str) -> Choice:
        """Somebody by the name they go by; without one, by their id."""
        known = self.people.get(person)
        return Choice(person, known.name if known and known.name else person)

    def others(self, person: str) -> list[str]:
        """Whom somebody could have decide for them, by name."""
        return [
            one.id
            for one in self.people.values()
            if one.id in self.deciders and one.id != person and one.name and not one.guest
        ]

    def delegation_of(self, person: str) -> Delegation | None:
        """The delegation by which somebody decides for this person, if there is one."""
        return next((one for one in self.in_force if one.person == person), None)

    def principals_of(self, person: str) -> list[str]:
        """The names of those for whom this person decides."""
        return [one.name for one in self.in_force if one.delegate == person]

    def meant(self, by: str, to: str, mention: Mention | None) -> list[str]:
        """Who may be meant: by their Teams account, else by name; who can decide comes first.

        Args:
            by: Who says it.
            to: The name they typed, where they mentioned nobody.
            mention: Whom they mentioned.
        """
        if mention is not None:
            by_account = [p.id for p in self.people.values() if p.teams_id == mention.teams_id]
            if by_account:
                return by_account
        named = self._named(mention.name if mention else to)
        others = [one for one in named if one != by] or named
        return [one for one in others if one in self.deciders] or others

    def _named(self, said: str) -> list[str]:
        """Those of exactly this name, else those whose name has words that begin so."""
        typed = said.casefold().split()
        if not typed:
            return []
        names = {one.id: one.name.casefold().split() for one in self.people.values()}
        exact = [one for one, name in names.items() if name == typed]
        return exact or [
            one
            for one, name in names.items()
            if all(any(word.startswith(piece) for word in name) for piece in typed)
        ]


async def colleagues(conn: Connection, tenant: str, *, policy: Policy, at: datetime) -> Colleagues:
    """Everybody of the tenant as they stand at a moment."""
    known = await delegations.colleagues(conn, tenant, since=at - ASKED_WITHIN)
    group = policy.second_group
    deciders = {one.id for one in known if one.asked}
    if group and group.may_decide:
        deciders.update(group.people)
    in_force = await delegations.in_force(conn, tenant, at=at)
    return Colleagues({one.id: one for one in known}, frozenset(deciders), in_force)
