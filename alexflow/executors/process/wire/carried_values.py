"""Values of the user's that go along with a message: plain ones as they are, others pickled, and as text where they
cannot be.

Whatever a value does while it is pickled, unpickled or shown, a text comes of it.
"""

from __future__ import annotations

import pickle

from alexflow.executors.process.wire.messages import Carried, Value
from alexflow.hooks import class_name, plain_text, repr_of

#: Larger values stay where they are; their text does not.
MAX_PICKLED = 64 * 1024  # bytes, pickled

_PLAIN = frozenset({type(None), bool, float})


def carried(value: object) -> Value:
    """A value, ready to travel."""
    kind = type(value)
    if kind in _PLAIN or (kind is int and -(2**63) <= value < 2**63):  # type: ignore[operator]  # it is an int
        return value  # type: ignore[return-value]  # it is one of those
    if kind is str:
        return plain_text(value)  # type: ignore[arg-type]  # it is a str
    text = repr_of(value)
    try:
        data = pickle.dumps(value, protocol=5)
        if len(data) <= MAX_PICKLED:
            pickle.loads(data)
            return Carried(text, data)
    except BaseException:  # anything may happen in a user's __reduce__, exits too; the text has to do
        pass
    return Carried(text)


def arrived(value: Value) -> object:
    """The value, or its text."""
    if not isinstance(value, Carried):
        return value
    if value.pickled is None:
        return value.text
    try:
        return pickle.loads(value.pickled)
    except BaseException as error:  # its class may be unknown here, or do anything when it is made
        return f"{value.text} (it cannot be unpickled here: {class_name(type(error))})"
