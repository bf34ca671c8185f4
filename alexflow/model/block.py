"""``with`` blocks of outputs: what ``path()`` and ``open("wb")`` give is there within one; without one, it says so."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AbstractContextManager
from types import TracebackType
from typing import Any, NoReturn

from alexflow.type_vars import T


class _Named:
    """The message of what is used without ``with``."""

    _with = "with"

    def __init__(self, manager: Any, call: str):
        self._manager = manager
        self._call = call

    def _remedy(self) -> str:
        return f"{self._call} is there within a block: `{self._with} {self._call} as …:`"

    def __fspath__(self) -> NoReturn:
        raise TypeError(self._remedy())

    def __getattr__(self, name: str) -> NoReturn:
        raise AttributeError(name if name[:2] == "__" else f"no {name!r} here: {self._remedy()}")


class Block(_Named, AbstractContextManager[T]):
    """A ``with`` block."""

    def __enter__(self) -> T:
        entered: T = self._manager.__enter__()
        return entered

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        left: bool | None = self._manager.__exit__(kind, error, trace)
        return left


class AsyncBlock(_Named, AbstractAsyncContextManager[T]):
    """An ``async with`` block."""

    _with = "async with"

    async def __aenter__(self) -> T:
        entered: T = await self._manager.__aenter__()
        return entered

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool | None:
        left: bool | None = await self._manager.__aexit__(kind, error, trace)
        return left

    def __await__(self) -> NoReturn:
        raise TypeError(self._remedy())
