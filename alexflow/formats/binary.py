"""``BinaryOutput``: any picklable value."""

from __future__ import annotations

import pickle
from dataclasses import dataclass
from typing import TypeVar

from alexflow.model.output import Output

T_co = TypeVar("T_co", covariant=True)

PICKLE_PROTOCOL = 5  # fixed, so that the same value gives the same bytes on every supported Python


@dataclass(frozen=True, eq=False, repr=False)
class BinaryOutput(Output[T_co]):
    """A value as pickle (protocol 5). Load only what you trust: unpickling can run code."""

    def encode(self, value: T_co) -> bytes:  # type: ignore[misc]
        return pickle.dumps(value, protocol=PICKLE_PROTOCOL)

    def decode(self, data: bytes) -> T_co:
        return pickle.loads(data)  # type: ignore[no-any-return]  # a cast is a call
