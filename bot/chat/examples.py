"""Questions that the grammar answers: the table behind `help`, the README and a test."""

from typing import NamedTuple

from rapidfuzz import fuzz, process, utils

from bot.chat.query import Intent


class Example(NamedTuple):
    """A question as a technician types it, what the answer shows, and its intent."""

    question: str
    shows: str
    intent: Intent


EXAMPLES: tuple[Example, ...] = (
    Example("status", "how things stand: agents, runs, what waits for a decision", "status"),
    Example("is everything ok?", "the same, asked by somebody in a hurry", "status"),
    Example("show failed runs", "the latest runs that failed", "runs"),
    Example("what failed last night?", "failures from six in the evening until six", "runs"),
    Example("failed runs since yesterday", "failures since yesterday's midnight", "runs"),
    Example("last 5 runs", "the five latest runs, whatever became of them", "runs"),
    Example("what is running right now?", "runs still in progress", "runs"),
    Example("runs on ticket 48213", "every run for one ticket", "runs"),
    Example("anything broken over the weekend?", "failures since Saturday", "runs"),
    Example("run 8f14e45f", "one run: its steps, its error, how long it took", "run"),
    Example("why did run 8f14e45f fail?", "the same run, with the step that failed", "run"),
    Example("pending approvals", "what waits for a technician's decision", "approvals"),
    Example("what needs my approval?", "what waits for you", "approvals"),
    Example("show what was rejected yesterday", "approvals rejected on that day", "approvals"),
    Example("approval 481", "one approval: what it asks, of whom, since when", "approval"),
    Example("agents", "every agent and whether it is enabled", "agents"),
    Example("which agents are disabled?", "agents that are switched off", "agents"),
    Example("agent Password Reset", "one agent: what it does and its latest runs", "agent"),
    Example("follow failures", "tells this conversation when a run fails", "follow"),
    Example("follow approvals", "tells this conversation when an approval is asked for", "follow"),
    Example("unfollow failures", "tells this conversation no more about failures", "unfollow"),
    Example("help", "this table", "help"),
)

ORDERS: tuple[tuple[str, str], ...] = (
    ("approve 481 client confirmed", "asks back, then approves, with the comment"),
    ("reject 77: wrong mailbox", "asks back, then rejects, with the reason"),
    ("snooze 481 2h", "no reminders to you about it for two hours"),
    ("snooze until tomorrow 9am", "no reminders to you about anything until then"),
    ("delegate my approvals to Megan until Friday", "she may decide what you are asked"),
    ("end my delegation", "you alone decide again what you are asked"),
    ("my delegations", "who decides for whom, and until when"),
    ("history 481", "who did what about one approval, when, and how it ended"),
)
"""Orders as a technician types them, and what each does; read by `bot.chat.orders`."""

_FIRST_TO_TRY = ("status", "show failed runs", "pending approvals", "agents")
_NEAR = 55.0


def closest_questions(text: str, limit: int = 4) -> list[str]:
    """The example questions nearest to a text, best first; the first to try if none is near."""
    hits = process.extract(
        text[:200],
        [example.question for example in EXAMPLES],
        scorer=fuzz.token_set_ratio,
        processor=utils.default_process,
        limit=limit,
        score_cutoff=_NEAR,
    )
    return list(dict.fromkeys([*(question for question, _, _ in hits), *_FIRST_TO_TRY]))[:limit]
