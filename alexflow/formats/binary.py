"""``BinaryOutput``: any picklable value."""

from __future__ import annotations

import pickle

from alexflow.hooks import SHORT_TEXT, class_name, text_of
from alexflow.model.output import Output
from alexflow.type_vars import T_co

PICKLE_PROTOCOL = 5  # fixed, so that the same value gives the same bytes on every supported Python

#: Size up to which a pickle is loaded once before it is stored, to see that it can be.
LOOKED_AT = 2**20  # bytes

#: The instructions of a pickle that stand for classes and functions. Without them it has Python's own values only,
#: which can be loaded. (By chance these bytes are in other pickles, too, which are then loaded once in vain.)
_NAME, _EXT1, _EXT2, _EXT4 = b"".join((pickle.STACK_GLOBAL, pickle.EXT1, pickle.EXT2, pickle.EXT4))


class BinaryOutput(Output[T_co]):
    """A value as pickle (protocol 5). Load only what you trust: unpickling can run code.

    A value of up to 1 MiB that could not be loaded again is refused when it is stored.
    """

    def encode(self, value: T_co) -> bytes:  # type: ignore[misc]
        data = pickle.dumps(value, protocol=PICKLE_PROTOCOL)
        if len(data) <= LOOKED_AT and (_NAME in data or _EXT1 in data or _EXT2 in data or _EXT4 in data):
            try:
                pickle.loads(data)
            except Exception as error:  # from the value's class, which may require arguments that the pickle lacks
                reason = f"{class_name(type(error))}: {text_of(error, SHORT_TEXT)}"
                raise pickle.UnpicklingError(f"it could not be loaded again: {reason}") from error
        return data

    def decode(self, data: bytes) -> T_co:
        return pickle.loads(data)  # type: ignore[no-any-return]  # a cast is a call
