"""What a person pressed or ordered about approvals, taken to what does it, and drawn."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import structlog

from bot.approvals import case as cases
from bot.approvals import who_may
from bot.approvals.clicked import Outcome
from bot.approvals.decisions import Decisions
from bot.approvals.faces import Faces
from bot.approvals.showing import Showing
from bot.messaging import Answer, Conversation, Person, Pressed, Scope
from bot.policies import Policy
from bot.store import approvals as stored
from bot.store.database import Pool
from cards.actions import MOST_TICKED, Decide, DecideSeveral, Ticking
from cards.approvals import ApprovalsView, approvals
from cards.card import Card, plain
from cards.not_found import unknown_approval
from cards.notice import notice
from cards.results import Result, results

# So many decisions of one press are on their way at a time: a list of twenty is done in time, and
# leaves connections to the database for everybody else.
AT_A_TIME = 5

log = structlog.get_logger()

_NOT_KNOWN = "Nothing was decided. Ask for the approval again to decide it."
_NOTHING_TICKED = "Nothing was ticked, so nothing was decided."
_BROKE = "something went wrong here, so it is not certain whether this was decided: open it to see"
_WENT = {"approve": "approved", "reject": "rejected"}
_CONFIRM = "It needs its ticket's number: open it. Nothing was decided."
_VOTED = "your approval counts; one more person has to approve it"


@dataclass(frozen=True, slots=True)
class Clicks:
    """Approvals as people meet them: each method answers with a card."""

    pool: Pool
    decisions: Decisions
    showing: Showing
    faces: Faces
    policy_of: Callable[[str], Policy]

    async def decide(self, pressed: Pressed, wish: Decide) -> Answer:
        """Decide, and redraw the card for the one who pressed with what is true afterwards."""
        outcome = await self.decisions.take(pressed, wish)
        if outcome.case is None:
            return Answer(_unknown(wish.approval), in_place=True, aside=_NOT_KNOWN)
        place, case = pressed.conversation, outcome.case
        if outcome.kind == "confirm":
            card = self.faces.confirm(
                case,
                place,
                viewer=pressed.person.id,
                verdict=wish.verdict,
                comment=wish.comment,
                remark=outcome.remark,
            )
        else:
            card = self.faces.draw(
                case,
                place,
                viewer=pressed.person.id,
                may_press=outcome.may_press,
                remark=outcome.remark,
                comment="" if outcome.went else wish.comment,
                before=outcome.before,
            )
        # A decision has every copy redrawn, this one among them.
        decided = outcome.kind == "decided"
        return Answer(card, in_place=True, aside=_aside(outcome, wish), placed=decided)

    async def propose(
        self,
        person: Person,
        conversation: Conversation,
        approval: str,
        verdict: Literal["approve", "reject"],
        comment: str,
    ) -> Card:
        """Answer an order in text: the card on which this person, and nobody else, confirms it.

        Where it is refused, others who are there read the card of everybody, and whom it is about.

        Raises:
            NeoError: Neo did not say how the approval stands.
        """
        case = await self.showing.look(conversation, approval)
        if case is None:
            return unknown_approval(approval)
        reason = who_may.why_not_decide(person, verdict, case)
        if reason is not None:
            ordered = Decide(approval=approval, verdict=verdict, shown="none", comment=comment)
            await self.decisions.refused(person, conversation, ordered, reason)
            remark = f"{reason} Nothing was changed."
            if conversation.scope is not Scope.PERSONAL:
                remark = f"{plain(person.name, 60)}: {remark}"
            return self.faces.draw(case, conversation, remark=remark)
        return self.faces.confirm(
            case, conversation, viewer=person.id, verdict=verdict, comment=comment
        )

    async def decide_several(self, pressed: Pressed, wish: DecideSeveral) -> Answer:
        """Decide each that is ticked, by itself; the card says what became of each."""
        ticked = list(dict.fromkeys(filter(None, wish.ticked.split(","))))[:MOST_TICKED]
        place = pressed.conversation
        if not ticked:
            return await self.pick(pressed, remark=_NOTHING_TICKED, comment=wish.comment)
        free = asyncio.Semaphore(AT_A_TIME)
        # The list is no copy of one approval: only cards of single ones are kept true.
        by_itself = Pressed(pressed.person, place, None, pressed.verb)

        async def one(number: str) -> Result:
            shown = wish.shown.get(number)
            # What does not stand on the card carries no token: refused like any forged one.
            decide = Decide(
                approval=number[:128],
                verdict=wish.verdict,
                shown=shown or "none",
                comment=wish.comment,
            )
            async with free:
                try:
                    outcome = await self.decisions.take(by_itself, decide)
                except Exception as error:  # noqa: BLE001 -- the others have their results
                    tenant, kind = place.tenant, type(error).__name__
                    log.warning("decision.broke", tenant=tenant, approval=number[:128], error=kind)
                    return Result(None, number, went=False, text=_BROKE)
            return _result(number, wish.verdict, outcome)

        done = await asyncio.gather(*(one(number) for number in ticked))
        reader = self.faces.reader(place, pressed.person.id)
        card = results(wish.verdict, done, reader, wish.comment)
        for_all = results(
            wish.verdict, done, self.faces.reader(place), wish.comment, by=pressed.person.name
        )
        return Answer(card, in_place=True, aside=for_all.summary, for_all=for_all)

    async def pick(
        self, pressed: Pressed, *, remark: str | None = None, comment: str = ""
    ) -> Answer:
        """Redraw a list with what this person may tick."""
        place, person = pressed.conversation, pressed.person
        reader = self.faces.reader(place, person.id)
        async with self.pool.connection() as conn:
            waiting = [k.approval for k in await stored.waiting(conn, place.tenant)]
        mine = await self.ticking(person, place, [a.id for a in waiting])
        theirs = {*mine.tick, *mine.not_tickable}
        listed = [a for a in waiting if a.id in theirs]
        listed.sort(key=lambda a: (a.created_at is None, a.created_at))
        view = ApprovalsView(
            approvals=listed,
            status="pending",
            mine=True,
            total_known=len(listed),
            question="my pending approvals",
            tick=mine.tick,
            not_tickable=mine.not_tickable,
            comment_to_reject=mine.comment_to_reject,
            remark=remark,
            comment=comment,
        )
        aside = remark or too_late("pending approvals")
        return Answer(approvals(view, reader), in_place=True, aside=aside)

    async def ticking(self, person: Person, place: Conversation, numbers: Sequence[str]) -> Ticking:
        """Which of these approvals the person may tick there; what is not theirs is in neither."""
        tick: dict[str, str] = {}
        not_tickable: dict[str, str] = {}
        policy = self.policy_of(place.tenant)
        async with self.pool.connection() as conn:
            for number in numbers:
                case = await cases.load(
                    conn, place.tenant, number, policy=policy, at=self.faces.clock()
                )
                if case is None or who_may.why_not_asked(person.id, case):
                    continue
                reason = who_may.why_not_tick(person, case)
                if reason is None and len(tick) < MOST_TICKED:
                    tick[number] = self.faces.token(case, place, person.id)
                else:
                    not_tickable[number] = reason or "open it: the list holds no more to tick"
        return Ticking(tick, not_tickable, policy.comment_to_reject)


def too_late(question: str) -> str:
    """What is said where one person's own view cannot be drawn; ``question`` brings it to them."""
    return (
        "It came too late to be drawn here for you alone. "
        f"Press again, or type “{question}” in your own chat."
    )


def _aside(outcome: Outcome, wish: Decide) -> str | None:
    """What they are told where the card cannot be redrawn for them alone."""
    if outcome.remark:
        return outcome.remark
    if outcome.kind == "confirm":
        return f"{_CONFIRM} {too_late(f'{wish.verdict} {wish.approval}')}"
    # A decided card is the same for everybody; one that still waits is theirs alone.
    return f"{_VOTED[0].upper()}{_VOTED[1:]}." if outcome.kind == "voted" else None


def _result(number: str, verdict: str, outcome: Outcome) -> Result:
    approval = outcome.case.approval if outcome.case else None
    if outcome.kind == "decided":
        text = _WENT[verdict]
    elif outcome.kind == "voted":
        text = _VOTED
    elif outcome.kind == "confirm":
        text = _CONFIRM
    else:
        text = outcome.remark or _NOT_KNOWN
    return Result(approval, number, went=outcome.went, text=text)


def _unknown(approval: str) -> Card:
    return notice(
        "This card is not known here any more",
        _NOT_KNOWN,
        questions=[f"approval {approval}"],
    )
