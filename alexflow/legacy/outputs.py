"""The output formats of 1.x: they load outputs that 1.x has stored, and store outputs that 1.x can load."""

from __future__ import annotations

import gzip
import io
import json
from dataclasses import dataclass
from typing import Any, ClassVar, cast

from alexflow import formats, model
from alexflow.legacy import gjson
from alexflow.legacy.documents import SER, deserialize, serialize
from alexflow.legacy.serializable import Serializable
from alexflow.type_vars import T_co

#: A part of joblib's pickles of values with arrays; without arrays it writes a plain pickle.
_JOBLIB = b"joblib.numpy_pickle"


@dataclass(frozen=True, eq=False, repr=False)
class Output(model.Output[T_co], Serializable):
    """:class:`alexflow.Output` with the documents of 1.x."""

    def serialize(self) -> dict[str, Any]:
        """A document of 1.x (:func:`alexflow.legacy.serialize`), not one of today."""
        return Serializable.serialize(self)


@dataclass(frozen=True, eq=False, repr=False)
class BinaryOutput(Output[T_co], formats.BinaryOutput[T_co]):
    """Any picklable value. Outputs that 1.x has written with joblib are read too, which needs joblib for arrays."""

    def decode(self, data: bytes) -> T_co:
        if _JOBLIB not in data:
            return super().decode(data)
        try:
            import joblib  # deferred: an extra
        except ImportError as error:
            raise ImportError(f'{self.key} was written by joblib; pip install "alexflow[joblib]"') from error
        return cast(T_co, joblib.load(io.BytesIO(data)))


@dataclass(frozen=True, eq=False, repr=False)
class JSONOutput(Output[T_co], formats.JSONOutput[T_co]):
    """Values that :mod:`alexflow.legacy.gjson` can write."""

    safe_to_share: ClassVar[bool] = True

    def encode(self, value: T_co) -> bytes:  # type: ignore[misc]
        return gjson.dumps(value)

    def decode(self, data: bytes) -> T_co:
        return cast(T_co, gjson.loads(data))


@dataclass(frozen=True, eq=False, repr=False)
class SerializableOutput(Output[T_co], formats.SerializableOutput[T_co]):
    """A task, output or ``Serializable`` as a document of 1.x; documents of today are read too."""

    def encode(self, value: T_co) -> bytes:  # type: ignore[misc]
        return gzip.compress(json.dumps(serialize(value)).encode(), mtime=0)

    def decode(self, data: bytes) -> T_co:
        document: Any = json.loads(gzip.decompress(data))
        return cast(T_co, deserialize(document)) if SER in document else super().decode(data)
