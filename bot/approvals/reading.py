"""Reading an approval again, and what to make of an answer that says it is older than another."""

from __future__ import annotations

from typing import NamedTuple

from bot.approvals.truth import in_doubt
from bot.neo.client import Neo
from bot.neo.models import Approval
from bot.store.approvals import Known


class Read(NamedTuple):
    """What Neo says of an approval.

    Attributes:
        fresh: As it stands now; None if Neo no longer has it.
        over: What was known, where ``fresh`` says that it is older and Neo has said it twice.
    """

    fresh: Approval | None
    over: Known | None = None


async def read_again(neo: Neo, known: Known, *, listed: Approval | None = None) -> Read:
    """The approval as Neo has it now; ``listed`` if a list has just said it.

    One that says it is older than what is known was overtaken on its way, or Neo's clocks are
    apart: what Neo says to a second question, asked only then, tells which.

    Raises:
        NeoError: Neo did not say.
    """
    fresh = listed or await neo.approvals.reread(known.approval)
    if fresh is None or not in_doubt(fresh, known.approval):
        return Read(fresh)
    again = await neo.with_options(max_age_seconds=0.0).approvals.reread(known.approval)
    same = again is not None and (again.digest, again.state) == (fresh.digest, fresh.state)
    return Read(again, known if same else None)
