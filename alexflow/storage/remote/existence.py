"""Which of many keys are stored, in as few round trips as can be.

A question for one key is one round trip, of which many are under way at once; a page of a listing is one too, tells of
a thousand keys, and the next can be asked for only after it. Keys that are alike up to the digest in them lie together,
so a listing of what begins like them is asked for, and given up when it has taken more pages than the single questions
would have taken turns: the storage may hold far more than is asked for. What is left is then asked for singly, so the
cost is at most twice that of the better way.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable

from alexflow.storage.bounded import for_each
from alexflow.storage.remote.backends.base import Pages

#: Up to here keys are asked for one by one.
FEW = 16  # keys

#: Single questions that take as long as one page of a listing.
QUESTIONS_PER_PAGE = 32

#: Groups of keys that are looked for at once.
GROUPS_AT_ONCE = 16

_DIGEST = re.compile(r"[0-9a-f]{16,}")


class Existence:
    """Answers for one event loop's back end.

    Args:
        ask: whether one key exists.
        list_pages: begins a listing of what begins so.
        next_page: its next page.
        in_pages: whether a listing can be given up half way.
        width: questions at once.
    """

    def __init__(
        self,
        ask: Callable[[str], Awaitable[bool]],
        list_pages: Callable[[str], Pages],
        next_page: Callable[[str, Pages], Awaitable[list[str] | None]],
        *,
        in_pages: bool,
        width: int,
    ):
        self._ask = ask
        self._list_pages = list_pages
        self._next_page = next_page
        self._in_pages = in_pages
        self._width = width
        self._sizes: dict[str, int] = {}  # of listings that came in one piece

    async def among(self, keys: Iterable[str]) -> set[str]:
        """Those that are stored."""
        groups = group(keys)
        if len(groups) == 1:
            [(prefix, wanted)] = groups.items()
            return await self._among_alike(prefix, wanted)
        found: set[str] = set()

        async def look(alike: tuple[str, set[str]]) -> None:
            found.update(await self._among_alike(*alike))

        await for_each(groups.items(), look, min(len(groups), GROUPS_AT_ONCE))
        return found

    async def _among_alike(self, prefix: str, wanted: set[str]) -> set[str]:
        if len(wanted) <= FEW or self._is_large(prefix, len(wanted)):
            return await self._ask_each(wanted)
        found: set[str] = set()
        pages = self._list_pages(prefix)
        for _ in range(-(-len(wanted) // QUESTIONS_PER_PAGE)):
            page = await self._next_page(prefix, pages)
            if page is None:
                return found
            found |= wanted.intersection(page)
            if not self._in_pages:
                self._sizes[prefix] = len(page)
                return found
            if len(found) == len(wanted):
                return found
        return found | await self._ask_each(wanted - found)

    def _is_large(self, prefix: str, wanted: int) -> bool:
        """Whether a listing that comes in one piece is known to tell of too much else."""
        return self._sizes.get(prefix, 0) > wanted * QUESTIONS_PER_PAGE

    async def _ask_each(self, keys: set[str]) -> set[str]:
        found: set[str] = set()

        async def ask(key: str) -> None:
            if await self._ask(key):
                found.add(key)

        await for_each(keys, ask, min(len(keys), self._width))
        return found


def group(keys: Iterable[str]) -> dict[str, set[str]]:
    """Keys by what comes before the first digest in them, or else by their directory."""
    groups: dict[str, set[str]] = defaultdict(set)
    search = _DIGEST.search
    for key in keys:
        digest = search(key)
        groups[key[: digest.start()] if digest else key[: key.rfind("/") + 1]].add(key)
    return groups
