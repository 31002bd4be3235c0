"""Of many presses at once the first are answered while the last still wait.

Without it each of a hundred would be a hundredth further at any moment, and all would be answered
at the end.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

# Enough to keep a process busy while Neo answers as quickly as it usually does.
AT_ONCE = 20
LONGEST_WAIT_SECONDS = 2.0


class Admission:
    """Lets so many presses of one tenant go on at once; the others follow in their order."""

    def __init__(
        self, at_once: int = AT_ONCE, longest_wait_seconds: float = LONGEST_WAIT_SECONDS
    ) -> None:
        self._longest_wait_seconds = longest_wait_seconds
        self._turns = defaultdict[str, asyncio.Semaphore](lambda: asyncio.Semaphore(at_once))

    @asynccontextmanager
    async def turn(self, tenant: str) -> AsyncIterator[None]:
        """Go on when it is one's turn, or when it has not come in two seconds.

        Where Neo is slow, nobody is helped by waiting for each other.
        """
        turns = self._turns[tenant]
        try:
            async with asyncio.timeout(self._longest_wait_seconds):
                await turns.acquire()
        except TimeoutError:
            yield
            return
        try:
            yield
        finally:
            turns.release()
