"""An approval with everything that says who may do what with it, at one moment."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from bot.approvals.naming import Words, clients_of, requesters_of, tools_of
from bot.messaging import Person
from bot.neo.models import Approval
from bot.policies import Policy, Rule
from bot.store import approvals as stored
from bot.store import circumstances
from bot.store.approvals import Known, Place
from bot.store.circumstances import Circumstances, Vote
from bot.store.database import Connection
from bot.store.people import STANDING_LASTS
from cards.card import plain


@dataclass(frozen=True)
class Case:
    """One approval: as Neo has it, what was done here about it, and what the tenant asks for.

    Attributes:
        known: What is known of it here.
        around: Votes, delegations, snoozes.
        policy: The tenant's.
        at: The moment.
    """

    known: Known
    around: Circumstances
    policy: Policy
    at: datetime

    @property
    def approval(self) -> Approval:
        """As Neo last had it."""
        return self.known.approval

    @cached_property
    def asked(self) -> dict[str, str]:
        """Whom Neo asked: name by Entra object id in lower case, in Neo's order."""
        return {a.user_id.lower(): a.user_name or "" for a in self.approval.approvers if a.user_id}

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The rules of the policy that are about it."""
        if not self.policy.rule:
            return ()  # the request need not be read
        agent = plain(self.approval.agent_name)
        tools, clients = tools_of(self.approval), clients_of(self.approval)
        return tuple(
            r for r in self.policy.rule if r.matches(agent=agent, tools=tools, clients=clients)
        )

    @cached_property
    def requesters(self) -> tuple[Words, ...]:
        """Who asked for it: the words of each id and name that Neo gives."""
        return requesters_of(self.approval)

    @property
    def people_needed(self) -> int:
        """How many different people have to approve it."""
        return max((rule.people for rule in self.rules), default=1)

    def person(self, number: str) -> Person:
        """Somebody who may be concerned, by the name they go by in Teams, else in Neo."""
        known = self.around.people.get(number)
        name = known.name if known else self.asked.get(number, "")
        return Person(self.known.tenant, number, name, known.teams_id if known else "")

    def is_guest(self, number: str) -> bool:
        """Whether they are known to be a guest; what the roster last said, while it is believed."""
        known = self.around.people.get(number)
        if known is None or known.checked_at is None:
            return False
        return bool(known.guest) and self.at - known.checked_at < STANDING_LASTS

    def votes_of_others(self, person: str) -> tuple[Vote, ...]:
        """Who else has approved it."""
        return tuple(vote for vote in self.around.votes if vote.person != person)


async def load(
    conn: Connection, tenant: str, approval: str, *, policy: Policy, at: datetime
) -> Case | None:
    """The case as it stands; None if the approval was never read."""
    known = await stored.find(conn, tenant, approval)
    return None if known is None else await around(conn, known, policy=policy, at=at)


async def around(conn: Connection, known: Known, *, policy: Policy, at: datetime) -> Case:
    """The case of an approval that was just read."""
    people = _named(known.approval, policy)
    found = await circumstances.around(conn, known.tenant, known.id, people=people, at=at)
    return Case(known, found, policy, at)


async def pressed(
    conn: Connection, tenant: str, approval: str, copy: Place, *, policy: Policy, at: datetime
) -> tuple[Case | None, bool]:
    """The case as it stands, None if it was never read, and whether that copy of it is known."""
    people = policy.second_group.people if policy.second_group else ()
    found = await circumstances.pressed(conn, tenant, approval, copy, people=people, at=at)
    if found is None:
        return None, False
    known, surrounding, is_known_copy = found
    return Case(known, surrounding, policy, at), is_known_copy


async def locked(
    conn: Connection, tenant: str, fresh: Approval, *, policy: Policy, at: datetime
) -> Case | None:
    """The case before it is held against what Neo says of it now; nobody else changes it meanwhile.

    None if it was never read. Whom Neo names now are named in it.
    """
    people = _named(fresh, policy)
    known, found = await circumstances.locked(conn, tenant, fresh.id, people=people, at=at)
    return None if known is None else Case(known, found, policy, at)


def _named(approval: Approval, policy: Policy) -> list[str]:
    asked = [a.user_id.lower() for a in approval.approvers if a.user_id]
    return [*asked, *(policy.second_group.people if policy.second_group else ())]
