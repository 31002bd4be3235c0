"""Keeping up with Neo's document: at start and from time to time, what changed and what it says."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from bot.errors import BotError
from bot.neo.drift import Difference, Operations, compare
from bot.neo.vocabulary import Vocabulary

log = structlog.get_logger()


class DocumentWatch:
    """What Neo's document said last.

    Args:
        document: Reads it; raises `BotError`.
        operations: What the client expects.
        known: The words it had when it was last read, perhaps before a restart.
    """

    def __init__(
        self,
        document: Callable[[], Awaitable[object]],
        operations: Operations,
        known: Vocabulary | None = None,
    ) -> None:
        self._document = document
        self._operations = tuple(operations)
        self._vocabulary = known or Vocabulary()
        self._differences: tuple[Difference, ...] = ()
        self._fresh = False

    @property
    def vocabulary(self) -> Vocabulary:
        """Neo's words, as far as they are known."""
        return self._vocabulary

    @property
    def differences(self) -> tuple[Difference, ...]:
        """What differed when the document was last read."""
        return self._differences

    @property
    def is_fresh(self) -> bool:
        """Whether the document could be read when it was last looked at."""
        return self._fresh

    async def look(self) -> Vocabulary:
        """Read the document, log each difference that was not there before, give Neo's words.

        If it cannot be read, what was known stays.
        """
        try:
            document = await self._document()
        except BotError as error:
            log.warning(
                "neo.document_not_read",
                error=type(error).__name__,
                request_id=getattr(error, "request_id", None),
            )
            self._fresh = False
            return self._vocabulary
        found, words = await asyncio.to_thread(self._read, document)
        before = set(self._differences)
        for one in found:
            if one not in before:
                log.warning(
                    "neo.drift",
                    kind=one.kind.value,
                    where=one.where,
                    severity=one.severity.value,
                    means=one.sentence,
                )
        self._differences, self._fresh = found, True
        self._vocabulary = words.or_else(self._vocabulary)
        return self._vocabulary

    def _read(self, document: object) -> tuple[tuple[Difference, ...], Vocabulary]:
        return compare(document, self._operations), Vocabulary.of(document)
