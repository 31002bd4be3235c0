"""Who uses the chat, and what the bot for clients' people costs."""

import math
from collections.abc import Iterable
from typing import Any

from bot.sandbox import params, windows
from bot.sandbox.calls import Answer, Call
from bot.sandbox.reports import month_bounds
from bot.sandbox.runs import stamp
from bot.sandbox.teams_chat import Said, User, messages, past_begins, people_count
from bot.sandbox.world import World

_ACTIVE_FROM = 2  # messages in a month
_PRICE = 1.5
_CURRENCY = "USD"
_MONTHS_IN_A_YEAR = 12


async def get_chat_by_user(world: World, call: Call) -> Answer:
    """Turns and sessions of each person in a window, busiest first.

    Chats cost no credits: all credits of a month belong to its runs.
    """
    since, until = windows.required(call, "from", "to")
    by_user = _by_user(messages(world, call.query["audience"], since, until))
    ordered = sorted(by_user.items(), key=lambda item: (-len(item[1]), item[0].key))
    return Answer(
        [
            {
                "user_key": user.key,
                "display_name": user.name,
                "email": user.email,
                "credits_consumed": 0,
                "total_turns": len(said),
                "total_sessions": len({each.session for each in said}),
            }
            for user, said in ordered
        ]
    )


async def get_end_user_teams_usage(world: World, call: Call) -> Answer:
    """How many of the clients' people used the bot in Teams, and what that costs.

    The first month is free; the running month's charge is what it comes to at this pace.
    """
    month = params.month(call)
    begin, end = month_bounds(month)
    active = _active(world, month)
    _first, trial_ends = month_bounds(f"{past_begins(world):%Y-%m}")
    charged = active
    if begin <= world.now < end:
        gone = max((world.now - begin) / (end - begin), 0.01)
        charged = max(active, min(math.ceil(active / gone), people_count(world, "end-user")))
    return Answer(
        {
            "month": month,
            "active_users": active,
            "charge": charged * _PRICE if begin >= trial_ends else 0,
            "currency": _CURRENCY,
            "trial_end_date": stamp(trial_ends),
        }
    )


async def get_end_user_teams_detail(world: World, call: Call) -> Answer:
    """The month by client and by person, and how the number of active people went up to it."""
    month = params.month(call)
    by_user = _by_user(_said(world, month))
    companies = sorted({(user.company_id or "", user.company or "") for user in by_user})
    return Answer(
        {
            "tickets_raised": len(_tickets(by_user, by_user)),
            "monthly_active_users": [
                {"month": each, "active_users": _active(world, each)}
                for each in _months_up_to(month, call.query["months"])
            ],
            "per_company": [
                _company_row(by_user, identifier, name) for identifier, name in companies
            ],
            "per_user": [
                {
                    "end_user": user.name,
                    "end_user_email": user.email,
                    "end_company_id": user.company_id,
                    "company_name": user.company,
                    "turns": len(said),
                    "tickets_raised": len(_tickets(by_user, [user])),
                    "tickets": _tickets(by_user, [user]),
                }
                for user, said in sorted(by_user.items(), key=lambda item: item[0].email)
            ],
        }
    )


def _company_row(by_user: dict[User, list[Said]], identifier: str, name: str) -> dict[str, Any]:
    staff = [user for user in by_user if user.company_id == identifier]
    tickets = _tickets(by_user, staff)
    return {
        "end_company_id": identifier,
        "company_name": name,
        "active_users": sum(1 for user in staff if len(by_user[user]) >= _ACTIVE_FROM),
        "tickets_raised": len(tickets),
        "tickets": tickets,
    }


def _said(world: World, month: str) -> Iterable[Said]:
    return messages(world, "end-user", *month_bounds(month), teams_only=True)


def _active(world: World, month: str) -> int:
    by_user = _by_user(_said(world, month))
    return sum(1 for said in by_user.values() if len(said) >= _ACTIVE_FROM)


def _by_user(said: Iterable[Said]) -> dict[User, list[Said]]:
    found: dict[User, list[Said]] = {}
    for each in said:
        found.setdefault(each.user, []).append(each)
    return found


def _tickets(by_user: dict[User, list[Said]], users: Iterable[User]) -> list[dict[str, str]]:
    raised = [said.ticket for user in users for said in by_user[user] if said.ticket]
    return [
        {"ticket_id": ticket, "url": f"https://psa.example/tickets/{ticket}"}
        for ticket in sorted(raised)
    ]


def _months_up_to(month: str, count: int) -> list[str]:
    year, number = map(int, month.split("-"))
    last = year * _MONTHS_IN_A_YEAR + number - 1
    first = max(last - count + 1, _MONTHS_IN_A_YEAR)  # there is no year 0
    return [
        f"{at // _MONTHS_IN_A_YEAR:04d}-{at % _MONTHS_IN_A_YEAR + 1:02d}"
        for at in range(first, last + 1)
    ]


OPERATIONS = {
    "getChatByUser": get_chat_by_user,
    "getEndUserTeamsUsage": get_end_user_teams_usage,
    "getEndUserTeamsDetail": get_end_user_teams_detail,
}
