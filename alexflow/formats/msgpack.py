"""``MsgpackOutput``: plain data as MessagePack."""

from __future__ import annotations

from gc import get_referents
from typing import ClassVar, cast

import msgspec

from alexflow.formats.returned import check_returned, written
from alexflow.model.output import Output
from alexflow.type_vars import T_co

_CONTAINERS = {list, dict}
_KINDS = {bool, bytes, float, int, str, type(None), *_CONTAINERS}

#: Size in bytes up to which a value is decoded faster than its objects are looked at.
_SMALL = 4096


class MsgpackOutput(Output[T_co]):
    """Plain data (None, booleans, numbers, strings, bytes, times, lists, dicts) as MessagePack: quicker than JSON, not
    compressed, and dicts may have keys that are no strings.

    What would come back as something else (a tuple, a set, a dataclass) is refused when it is stored. Safe to share.
    """

    safe_to_share: ClassVar[bool] = True

    def encode(self, value: T_co) -> bytes:  # type: ignore[misc]
        data = written(value, msgspec.msgpack.encode)
        if len(data) < _SMALL or not _is_plain(value):
            check_returned(value, msgspec.msgpack.decode(data), "store plain data, or use BinaryOutput")
        return data

    def decode(self, data: bytes) -> T_co:
        return cast(T_co, msgspec.msgpack.decode(data))


def _is_plain(value: object) -> bool:
    """Whether a value is made of nothing but what MessagePack has; quicker than to decode it, if it is large.

    Not for values that contain themselves.
    """
    level = [value]
    while True:
        kinds = set(map(type, level))
        if not kinds <= _KINDS:
            return False
        if kinds.isdisjoint(_CONTAINERS):
            return True
        # what is in all of them, at once: the garbage collector knows, and no loop in Python is as quick
        level = get_referents(
            *(level if kinds <= _CONTAINERS else [item for item in level if type(item) in _CONTAINERS])
        )
