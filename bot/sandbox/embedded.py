"""An embedded Neo in the process of a test, set up in the test's own words."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

from aiohttp import web

from bot.sandbox.calls import Call
from bot.sandbox.chance import run_id
from bot.sandbox.envelope import RateLimit
from bot.sandbox.library import Agent, Kind, Story, read_library
from bot.sandbox.params import path_integer
from bot.sandbox.planner import Person
from bot.sandbox.runs import Approval, Decision, Run, approval_body, run_body
from bot.sandbox.scripts import ASK_AFTER_SECONDS, Script, Ticket, write_script
from bot.sandbox.server import Handler, Server
from bot.sandbox.troubles import Trouble
from bot.sandbox.world import PLAYGROUND_PEOPLE, World

KEY = "neo_sk_test_111111111111111111111111"
ADMIN_TOKEN = "dashboard-admin-222222222222222222222222"  # noqa: S105 -- opens nothing but this

_FIRST_BY_HAND = 1 << 40  # indexes of runs that a test put in, beyond all that the world starts
_RUN_SECONDS = 20
_KINDS: dict[str, Kind] = {"FAILURE": "fails", "SKIPPED": "skips"}


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]


class EmbeddedNeo:
    """Serves a world on 127.0.0.1, on a free port, for as long as the ``async with`` lasts.

    Args:
        now: The clock (aware UTC).
        runs: Runs in the past; none by default.
        seed: The world's seed.
        people: Who can be asked; the first sits at the keyboard.
        pace_seconds: Between new runs; None when nothing is to happen by itself.
        key: The API key that is accepted; empty once it is revoked.
        rate_limit: Requests in 60 s.
        new_id: Makes request ids.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        runs: int = 0,
        seed: int = 1,
        people: Sequence[Person] = PLAYGROUND_PEOPLE,
        pace_seconds: float | None = None,
        key: str = KEY,
        rate_limit: int = 1_200,
        new_id: Callable[[], UUID] = uuid4,
    ) -> None:
        self.now = now
        self.people = tuple(people)
        self.world = World(
            library=read_library(),
            seed=seed,
            runs=runs,
            anchor=now(),
            people=people,
            pace_seconds=pace_seconds,
        )
        self.server = Server(
            self.world,
            key=key,
            admin_token=ADMIN_TOKEN,
            now=now,
            new_id=new_id,
            rate_limit=RateLimit(rate_limit),
        )
        self.key = key
        self.requests: list[Received] = []
        self.decisions: list[tuple[int, str]] = []
        self.decision_bodies: list[dict[str, Any]] = []
        self.url = ""
        self._before_decision: Callable[[int, str], Awaitable[None]] | None = None
        self._by_hand = 0
        self._heard = asyncio.Condition()
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        self.server.before["decideTilRequest"] = self._decision
        app = self.server.application(self._listen)
        self._runner = web.AppRunner(app, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    @web.middleware
    async def _listen(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        async with self._heard:
            self.requests.append(Received(request.method, request.path, dict(request.query)))
            self._heard.notify_all()
        return await handler(request)

    async def _decision(self, call: Call) -> None:
        identifier = path_integer(call, "request_id", "TIL request")
        action = str(call.body["action"])
        self.decisions.append((identifier, action))
        self.decision_bodies.append(dict(call.body))
        if self._before_decision is not None:
            await self._before_decision(identifier, action)

    async def hears(self, path: str, *, method: str = "GET", times: int = 1) -> None:
        """Wait until so many requests have arrived whose path contains this text."""

        def count() -> int:
            return sum(1 for r in self.requests if r.method == method and path in r.path)

        async with self._heard:
            await self._heard.wait_for(lambda: count() >= times)

    # The key and the budget

    def revoke_key(self) -> None:
        """Refuse the key from now on."""
        self.world.records.keys.remove(self.key)
        self.key = ""

    def changes_key(self, key: str) -> None:
        """Accept this key instead of the one before, from now on."""
        self.revoke_key()
        self.world.records.keys.add(key)
        self.key = key

    def rate_limit(self, remaining: int) -> None:
        """Leave so many requests in the window that begins now."""
        self.server.rate_limit.spend(remaining, self.now())

    # Trouble

    def trouble(self, **what: Any) -> Trouble:
        """Let following requests go wrong; the words are `Trouble`'s."""
        trouble = Trouble(**what)
        self.server.troubles.on.append(trouble)
        return trouble

    def ends_trouble(self) -> None:
        """Let everything go right again."""
        self.server.troubles.on.clear()

    def before_decision(self, hook: Callable[[int, str], Awaitable[None]] | None) -> None:
        """Await ``hook(approval, action)`` inside each decision, before it is recorded."""
        self._before_decision = hook

    # Agents, runs, approvals

    def has_agent(self, name: str, *, state: str = "ENABLED") -> dict[str, Any]:
        """Add an agent, or set the state of one that is there; its id and name come back."""
        world = self.world
        there = next((a for a in world.agents.values() if a.name == name), None)
        pattern = there or next(iter(world.agents.values()))
        identifier = there.id if there else max(world.agents) + 1
        changed = {"id": identifier, "name": name, "state": state}
        world.agents[identifier] = pattern.model_copy(update=changed)
        return {"id": str(identifier), "name": name}

    def has_approval(
        self,
        identifier: int,
        *,
        agent: str,
        approvers: Sequence[Person] | None = None,
        ticket: str | None = "48213",
        company: str = "Contoso Dental",
        at: datetime | None = None,
        **requested_for: Any,
    ) -> dict[str, Any]:
        """Let a run ask people; the approval as the API shows it, with ``execution_id`` beside it.

        `approvers` defaults to the first person; ``[]`` asks nobody. Further words replace or
        extend what the agent's own story puts into ``requested_for``; None takes one away.
        """
        if self.world.approval(identifier) is not None:
            raise ValueError(f"There is already an approval {identifier}.")
        asked_at = at or self.now()
        script = self._script(agent, "asks", ticket, company)
        asked = (script.requested_for or {}) | requested_for
        asked = {name: value for name, value in asked.items() if value is not None}
        run = self._put(
            replace(script, requested_for=asked),
            asked_at - timedelta(seconds=ASK_AFTER_SECONDS),
            Approval(
                id=identifier,
                approvers=list(self.people[:1] if approvers is None else approvers),
                created_at=asked_at,
            ),
        )
        return approval_body(run) | {"execution_id": run.id}

    def has_run(
        self,
        *,
        agent: str,
        status: str = "SUCCESS",
        error: str | None = None,
        message: str | None = None,
        ticket: str | None = "48213",
        company: str = "Contoso Dental",
        at: datetime | None = None,
        seconds: float = _RUN_SECONDS,
        **fields: Any,
    ) -> dict[str, Any]:
        """Put a run there; the run as the API shows it.

        Args:
            agent: The agent's name.
            status: As the API shows it; a RUNNING one goes on until `ends_run`.
            error: What went wrong, for a FAILURE.
            message: What the dashboard says; the agent's own story if None.
            ticket: The ticket's number; None for a run without a ticket.
            company: The client.
            at: When it began; by default so that it ends now.
            seconds: How long it took.
            fields: Further fields to show, or to replace; None leaves a field out.
        """
        self.world.advance(self.now())
        script = self._script(
            agent, _KINDS.get(status, "does"), ticket, company, error=error, seconds=seconds
        )
        if message is not None:
            script = replace(script, message=message)
        running = status in {"RUNNING", "WAITING_FOR_APPROVAL"}
        began = at or self.now() - timedelta(seconds=0 if running else seconds)
        run = self._put(script, began)
        run.set_fields = {"status": status} | fields
        return run_body(run, self.world.now)

    def fails_run(self, *, agent: str, error: str, **words: Any) -> dict[str, Any]:
        """Let a run fail right now; further words are `has_run`'s."""
        return self.has_run(agent=agent, status="FAILURE", error=error, **words)

    def ends_run(self, identifier: str, *, status: str, error: str | None = None) -> None:
        """Let a run that a test put there end now."""
        run = self.world.run(identifier)
        if run is None:
            raise KeyError(f"There is no run {identifier}.")
        self._must_live(run)
        run.set_fields |= {"status": status}
        if error is not None:
            run.script = replace(run.script, error=error)

    def changes_approval(self, identifier: int, **fields: Any) -> dict[str, Any]:
        """Change fields of an approval as the API shows it; ``updated_at`` moves to now."""
        run, approval = self._asked(identifier)
        self._must_live(run)
        approval.changes |= fields
        approval.changed_at = self.now()
        return approval_body(run)

    def decides_elsewhere(
        self, identifier: int, action: str, *, by: Person, note: str = ""
    ) -> dict[str, Any]:
        """Let a person decide in Neo itself."""
        run, _approval = self._asked(identifier)
        self.world.advance(self.now())
        self.world.decide(run, action, by, note)
        return approval_body(run)

    def removes_approval(self, identifier: int) -> None:
        """Let an approval vanish, as if it had never been asked."""
        run, _approval = self._asked(identifier)
        self._must_live(run)
        self.world.remove_approval(run)

    def decision_on(self, identifier: int) -> Decision | None:
        """What Neo's own record says about an approval."""
        return self._asked(identifier)[1].decision

    def _asked(self, identifier: int) -> tuple[Run, Approval]:
        self.world.advance(self.now())
        run = self.world.approval(identifier)
        if run is None or run.approval is None:
            raise KeyError(f"There is no approval {identifier}.")
        return run, run.approval

    def _must_live(self, run: Run) -> None:
        if run.index < self.world.history.count:
            raise ValueError(f"Run {run.id} lies in the past, which is told anew at every look.")

    def _put(self, script: Script, at: datetime, approval: Approval | None = None) -> Run:
        index = _FIRST_BY_HAND + self._by_hand
        self._by_hand += 1
        run = Run(index, run_id(self.world.seed, index), script, at, approval)
        self.world.add(run)
        return run

    def _script(
        self,
        agent: str,
        kind: Kind,
        ticket: str | None,
        company: str,
        *,
        error: str | None = None,
        seconds: float = _RUN_SECONDS,
    ) -> Script:
        profile = self._agent(agent)
        stories = profile.stories(kind)
        story = stories[0] if stories else Story(thought="Worked.", message="Done.", action="Go on")
        if error is not None:
            story = story.model_copy(update={"error": error.replace("{", "{{").replace("}", "}}")})
        place = _FIRST_BY_HAND + self._by_hand
        words = self.world.planner.words_for(place, ticket or "", company)
        about = None
        if ticket is not None:
            words["subject"] = story.subject.format_map(words)
            about = Ticket(str(700_000 + self._by_hand), ticket, words["subject"])
        low, high = profile.credits
        spent = (low + high) // 2
        return write_script(profile, kind, story, words, ticket=about, spent=spent, seconds=seconds)

    def _agent(self, name: str) -> Agent:
        for agent in self.world.agents.values():
            if agent.name == name:
                return agent
        known = ", ".join(agent.name for agent in self.world.agents.values())
        raise ValueError(f"There is no agent {name!r}; add it with has_agent. There are: {known}.")
