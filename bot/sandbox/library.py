"""The invented MSP's agents and clients, read from the TOML files beside this module."""

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

Kind = Literal["does", "fails", "skips", "asks"]
Words = Mapping[str, str | int]

_HERE = Path(__file__).parent


class _Told(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ToolUse(_Told):
    """One call of a tool: what it is for, what goes in, what comes back."""

    tool: str
    doing: str
    sends: dict[str, Any]
    gets: dict[str, Any]


class Story(_Told):
    """One way a run can go. Texts hold placeholders such as ``{email}``; see `scripts.words_for`.

    A story that fails names the call that fails (`tool`, `doing`, `sends`) and its `error`; one
    that asks names the `action`, the `reason` and the tool that waits, and its `steps` follow the
    approval.
    """

    thought: str
    message: str
    subject: str = ""
    steps: tuple[ToolUse, ...] = ()
    tool: str = ""
    doing: str = ""
    sends: dict[str, Any] = {}
    error: str = ""
    action: str = ""
    reason: str = ""
    details: dict[str, Any] = {}
    rejected: str = ""


class Condition(_Told):
    """What a ticket's field must be for an agent to start: one value, or one of several."""

    field: str
    value: str | tuple[str, ...]

    @property
    def operator(self) -> str:
        """EQUALS or IN."""
        return "EQUALS" if isinstance(self.value, str) else "IN"

    @property
    def values(self) -> tuple[str, ...]:
        """Every value that fulfils it."""
        return (self.value,) if isinstance(self.value, str) else self.value


class Agent(_Told):
    """An agent's settings and its stories. `seconds` and `credits` are (least, most) of a run.

    `events` and `conditions` say which changes of which tickets start a triggered agent.
    """

    id: int
    name: str
    state: str
    autonomy_type: Literal["CHAINED_ACTIONS", "AGENTIC", "CONVERSATIONAL"]
    trigger_type: Literal["SCHEDULED", "TRIGGERED", "NONE"]
    audience: Literal["MSP", "END_USER"]
    access: Literal["ALL_USERS", "ADMINS_ONLY", "SPECIFIC_USERS"]
    integrations: tuple[str, ...]
    actions: tuple[str, ...] = ("FIND_ENTITIES", "AGENTIC")
    weight: int
    seconds: tuple[int, int]
    credits: tuple[int, int]
    on_tickets: bool = True
    instructions: str
    events: tuple[str, ...] = ("CREATED", "UPDATED")
    conditions: tuple[Condition, ...] = ()
    does: tuple[Story, ...] = ()
    fails: tuple[Story, ...] = ()
    skips: tuple[Story, ...] = ()
    asks: tuple[Story, ...] = ()

    def stories(self, kind: Kind) -> tuple[Story, ...]:
        """The stories of one kind, the usual one first."""
        return {"does": self.does, "fails": self.fails, "skips": self.skips, "asks": self.asks}[
            kind
        ]


class Company(_Told):
    """A client of the MSP. `code` begins the names of its machines."""

    name: str
    domain: str
    code: str
    psa: Literal["connectwise", "autotask"]


class Names(_Told):
    """What people, groups and mailboxes are called."""

    first: tuple[str, ...]
    last: tuple[str, ...]
    group: tuple[str, ...]
    shared_mailbox: tuple[str, ...]
    job: tuple[str, ...]


class FieldOption(_Told):
    """A value that a ticket's field can take, as the PSA lists it."""

    id: str
    name: str
    description: str


class TicketField(_Told):
    """A field of tickets; `usual` is what an untouched ticket has there."""

    name: str
    usual: str
    options: tuple[FieldOption, ...]


class Library(_Told):
    """Everything the world is told from."""

    agents: tuple[Agent, ...]
    companies: tuple[Company, ...]
    names: Names
    fields: tuple[TicketField, ...]


@cache
def read_library() -> Library:
    """Read agents and clients, agents by id; once, for nobody changes them."""
    clients = tomllib.loads((_HERE / "clients.toml").read_text(encoding="utf-8"))
    agents = sorted(
        (
            Agent.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
            for path in (_HERE / "agents").glob("*.toml")
        ),
        key=lambda agent: agent.id,
    )
    return Library.model_validate({"agents": agents, **clients})


def fill(template: Any, words: Words) -> Any:
    """Put words into a text, or into every text of a nested value.

    A text that is nothing but one placeholder takes the word as it is, so numbers stay numbers.
    """
    if isinstance(template, str):
        name = template[1:-1]
        if template == f"{{{name}}}" and name in words:
            return words[name]
        return template.format_map(words) if "{" in template else template
    if isinstance(template, dict):
        return {key: fill(value, words) for key, value in template.items()}
    if isinstance(template, list | tuple):
        return [fill(value, words) for value in template]
    return template
