"""Whether an approval can go through here at all: how many may approve it, and how many have to."""

from __future__ import annotations

from typing import Any

import pytest

from bot.approvals import who_may
from bot.policies import Policy
from tests.approvals.test_who_may import ADELE, ALEX, LEE, MEGAN, a_case, an_approval, away, vote


def two_of(*members: str, may_decide: bool = True) -> dict[str, Any]:
    group = {"name": "Leads", "people": members, "may_decide": may_decide}
    return {"rule": [{"people": 2}], "second_group": group}


BOTH = {"rule": [{"people": 2, "not_the_requester": True}]}


@pytest.mark.parametrize(
    ("asked", "requester", "policy", "around", "stuck"),
    [
        ((MEGAN,), None, {}, {}, False),
        ((MEGAN,), None, BOTH, {}, True),
        ((MEGAN, ALEX), None, BOTH, {}, False),
        ((), None, BOTH, {}, False),
        ((MEGAN,), None, BOTH, {"votes": (vote(MEGAN),)}, True),
        ((MEGAN,), None, BOTH, {"delegations": (away(MEGAN, ADELE),)}, False),
        ((MEGAN,), None, BOTH, {"delegations": (away(LEE, ADELE),)}, True),
        ((MEGAN,), None, two_of(ADELE), {}, False),
        ((MEGAN,), None, two_of(MEGAN), {}, True),
        ((MEGAN,), None, two_of(ADELE, may_decide=False), {"escalated": True}, True),
        ((MEGAN, ALEX), MEGAN, BOTH, {}, True),
        ((MEGAN, ALEX), MEGAN, BOTH, {"delegations": (away(MEGAN, ADELE),)}, True),
        ((MEGAN, ALEX), MEGAN, BOTH, {"delegations": (away(ALEX, ADELE),)}, False),
        ((MEGAN, ALEX), LEE, BOTH, {}, False),
        ((MEGAN,), MEGAN, {"rule": [{"not_the_requester": True}]}, {}, True),
    ],
    ids=[
        "one is enough",
        "one asked",
        "two asked",
        "nobody asked",
        "one who has approved",
        "a stand-in",
        "a stand-in of somebody else",
        "a second group",
        "a second group of the same",
        "a group that only hears",
        "one of the two asked for it",
        "and has a stand-in",
        "the other has a stand-in",
        "somebody else asked for it",
        "the only one asked for it",
    ],
)
def test_whether_enough_people_may_approve_it(
    asked: tuple[str, ...],
    requester: str | None,
    policy: dict[str, Any],
    around: dict[str, Any],
    *,
    stuck: bool,
) -> None:
    approval = an_approval(asked=asked, requested_by=requester)
    case = a_case(approval, Policy.model_validate(policy), **around)
    assert who_may.too_few_may(case) is stuck
