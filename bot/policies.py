"""What a tenant asks of its approvals: a TOML file, checked at start, with safe defaults."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import time, timedelta
from enum import StrEnum
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictBool,
    StringConstraints,
    ValidationError,
    model_validator,
)

from bot.entra import guid

_SPAN = re.compile(r"(?P<count>\d{1,4})\s*(?P<unit>m|min|h|d)")
_UNITS = {"m": "minutes", "min": "minutes", "h": "hours", "d": "days"}
_CLOCK = re.compile(r"(?P<hour>\d{1,2}):(?P<minute>\d{2})")


class Risk(StrEnum):
    """Kinds of request that do harm when they are approved by mistake."""

    DELETE = "delete"
    PASSWORD_RESET = "password_reset"  # noqa: S105 -- the name of a kind
    LICENCE_CHANGE = "licence_change"
    RMM_SCRIPT = "rmm_script"
    EXTERNAL_API = "external_api"


class Day(StrEnum):
    """A day of the week; Monday is day 0 of Python's."""

    MONDAY = "mon"
    TUESDAY = "tue"
    WEDNESDAY = "wed"
    THURSDAY = "thu"
    FRIDAY = "fri"
    SATURDAY = "sat"
    SUNDAY = "sun"


def _span(value: object) -> object:
    if isinstance(value, timedelta):
        return value
    found = _SPAN.fullmatch(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise ValueError('should be a time span such as "30m", "2h" or "1d"')
    return timedelta(**{_UNITS[found["unit"]]: int(found["count"])})


def _clock(value: object) -> object:
    if isinstance(value, time):
        return value
    if not isinstance(value, str):
        return _no_clock()
    found = _CLOCK.fullmatch(value.strip())
    # 24:00 is how people write the end of a day; the last instant of it serves.
    if found is not None and value.strip() == "24:00":
        return time.max
    try:
        return time(int(found["hour"]), int(found["minute"])) if found else _no_clock()
    except ValueError:
        return _no_clock()


def _no_clock() -> object:
    raise ValueError('should be a time of day such as "08:30"')


def _whole(value: object) -> object:
    # To Python, and so to the check that follows, true is 1.
    if isinstance(value, bool):
        raise ValueError("should be a number")  # noqa: TRY004 -- what pydantic turns into words
    return value


def _zone(value: object) -> object:
    if isinstance(value, ZoneInfo):
        return value
    try:
        return ZoneInfo(str(value))
    except (ValueError, KeyError, OSError):
        raise ValueError('should be a time zone such as "Europe/London"') from None


Span = Annotated[timedelta, BeforeValidator(_span), Field(gt=timedelta(0), le=timedelta(days=60))]
Clock = Annotated[time, BeforeValidator(_clock)]
Zone = Annotated[ZoneInfo, BeforeValidator(_zone)]
Person = Annotated[str, AfterValidator(guid)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=60, strip_whitespace=True)]
Pattern = Annotated[str, StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]


class _Table(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, arbitrary_types_allowed=True
    )


def _is_like(said: str, pattern: str) -> bool:
    # A bracket is one: "Contoso [UK]" is a name.
    wanted = " ".join(pattern.casefold().split()).replace("[", "[[]")
    return fnmatchcase(said.casefold(), wanted)


class Rule(_Table):
    """What is asked of the approvals that match; only ``*`` and ``?`` are wildcards.

    Of several rules that match, the strictest counts.
    """

    agent: Pattern = "*"
    tool: Pattern = "*"
    client: Pattern = "*"
    confirm: StrictBool = False
    """The ticket's number is typed before it is approved."""
    people: Annotated[Literal[1, 2], BeforeValidator(_whole)] = 1
    """How many different people have to approve it."""
    not_the_requester: StrictBool = False
    """Whoever asked for it does not decide it."""

    def matches(self, *, agent: str, tools: Collection[str], clients: Collection[str]) -> bool:
        """Whether it is about such an approval, by any of its tools and clients.

        Capitals do not matter. An approval that does not say its agent may be any agent's.
        """
        return (
            (not agent or _is_like(agent, self.agent))
            and any(_is_like(client, self.client) for client in clients or ("",))
            and any(_is_like(tool, self.tool) for tool in tools or ("",))
        )


class BusinessHours(_Table):
    """When people work: ``opens`` to ``closes`` on ``days``, in ``zone``."""

    zone: Zone
    days: Annotated[tuple[Day, ...], Field(min_length=1)] = (
        Day.MONDAY,
        Day.TUESDAY,
        Day.WEDNESDAY,
        Day.THURSDAY,
        Day.FRIDAY,
    )
    opens: Clock = time(9)
    closes: Clock = time(17)

    @model_validator(mode="after")
    def _opens_first(self) -> Self:
        if self.opens >= self.closes:
            raise ValueError("opens should be before closes, on the same day")
        return self


class SecondGroup(_Table):
    """Who hears of an approval that nobody decided for so long (business time)."""

    name: Name
    people: Annotated[tuple[Person, ...], Field(min_length=1, max_length=60)]
    after: Span = timedelta(hours=4)
    may_decide: StrictBool = False
    """From then on they may decide it, although Neo did not ask them."""


class DutyChannel(_Table):
    """The channel that hears last; ``id`` is Teams' own: ``19:…@thread.tacv2``."""

    id: Annotated[str, StringConstraints(pattern=r"^19:[^\s;]+$", max_length=500)]
    after: Span = timedelta(hours=8)


class Policy(_Table):
    """One tenant's policy. The defaults hold where there is no file."""

    comment_to_reject: StrictBool = False
    """A rejection needs a comment."""
    high_risk: frozenset[Risk] = frozenset(Risk)
    """These kinds need the ticket's number typed before they are approved."""
    rule: tuple[Rule, ...] = ()
    remind_after: Annotated[tuple[Span, ...], Field(max_length=5)] = (
        timedelta(minutes=30),
        timedelta(hours=2),
    )
    """When people are reminded, in business time since the bot had it."""
    business_hours: BusinessHours | None = None
    """Unset: those of the tenant's settings in Neo."""
    second_group: SecondGroup | None = None
    duty_channel: DutyChannel | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if list(self.remind_after) != sorted(set(self.remind_after)):
            raise ValueError("remind_after should list each time once, the shortest first")
        return self


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A policy and the file it was read from, None for the defaults."""

    policy: Policy = field(default_factory=Policy)
    path: Path | None = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read a policy.

        Raises:
            ValueError: says what is wrong and where, without repeating a value.
        """
        try:
            written = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except OSError as error:
            raise ValueError(f"names a file that cannot be read ({error.strerror})") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            where = re.search(r"at (line \d+, column \d+|end of document)", str(error))
            raise ValueError(f"is not TOML at {where[1] if where else 'some place'}") from None
        try:
            return cls(Policy.model_validate(written), path)
        except ValidationError as error:
            faults = error.errors(include_input=False, include_url=False)
            raise ValueError("; ".join(_fault(f["loc"], f["msg"]) for f in faults)) from None


def _fault(where: tuple[Any, ...], message: str) -> str:
    said = message.removeprefix("Value error, ").removeprefix("Input ")
    place = " ".join(f"{p + 1}" if isinstance(p, int) else str(p) for p in where)
    return f"{place}: {said}" if place else said
