"""``MsgpackOutput``: plain data as MessagePack."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeVar, cast

import msgspec

from alexflow.model.output import Output

T_co = TypeVar("T_co", covariant=True)


@dataclass(frozen=True, eq=False, repr=False)
class MsgpackOutput(Output[T_co]):
    """Plain data (None, booleans, numbers, strings, bytes, times, lists, dicts) as MessagePack: quicker than JSON, not
    compressed, and dicts may have keys that are no strings.

    Other types that MessagePack can write (tuples, sets, dataclasses) come back as plain data. Safe to share.
    """

    safe_to_share: ClassVar[bool] = True

    def encode(self, value: T_co) -> bytes:  # type: ignore[misc]
        return msgspec.msgpack.encode(value)

    def decode(self, data: bytes) -> T_co:
        return cast(T_co, msgspec.msgpack.decode(data))
