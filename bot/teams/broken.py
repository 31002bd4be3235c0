"""What a person is told of a turn that broke: what is certain, what is not, and what to do next."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from bot.store.database import is_in_trouble
from cards.card import Card
from cards.problem import problem

_UNCERTAIN: Final = "It is not certain whether anything was changed."


@dataclass(frozen=True, slots=True)
class Apology:
    """The same as a card and as the words that answer a button."""

    title: str
    next_step: str
    changed_nothing: bool = False

    @property
    def card(self) -> Card:
        """For a message."""
        return problem(self.title, self._text, changed_nothing=self.changed_nothing)

    @property
    def words(self) -> str:
        """For whoever pressed: their card stays as it is."""
        nothing = "Nothing was changed. " if self.changed_nothing else ""
        return f"{self.title}. {nothing}{self._text}"

    @property
    def _text(self) -> str:
        return self.next_step if self.changed_nothing else f"{_UNCERTAIN} {self.next_step}"


def apology(error: BaseException, *, begun: bool) -> Apology:
    """What there is to say.

    Args:
        error: What broke the turn.
        begun: Whether anything of it may have been done.
    """
    if isinstance(error, asyncio.CancelledError):
        title, next_step = "The bot is being restarted", "Look again in a minute, then repeat it."
    elif is_in_trouble(error):
        title = "The bot cannot use its own database at the moment"
        next_step = "Try again in a minute. If that stays, tell whoever looks after the bot."
        if begun:
            next_step = f"The bot finds out when it can. Look again first. {next_step}"
    else:
        title = "Something went wrong here"
        next_step = "Look again before you repeat it." if begun else "Try again in a minute."
    return Apology(title, next_step, changed_nothing=not begun)
