"""``JoblibOutput``: any picklable value, written by joblib."""

from __future__ import annotations

import io
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from alexflow.formats.binary import LOOKED_AT
from alexflow.formats.file import FileOutput
from alexflow.formats.libraries import need
from alexflow.hooks import SHORT_TEXT, class_name, text_of
from alexflow.type_vars import T_co


@dataclass(frozen=True, eq=False, repr=False)
class JoblibOutput(FileOutput[T_co]):
    """A value as joblib pickles it, compressed; best for what holds large arrays, such as a scikit-learn model.

    Load only what you trust: unpickling can run code. A value of up to 1 MiB that could not be
    loaded again is refused when it is stored.

    Attributes:
        compress: how hard to compress (zlib), from 0, not at all, to 9.
    """

    compress: int = field(default=3, compare=False)

    def write_to(self, value: T_co, file: BinaryIO) -> None:  # type: ignore[misc]
        library = need("joblib", "joblib")
        copying = _Copying(file)
        library.dump(value, copying, compress=self.compress)
        if copying.copy is not None:
            _look_at(library, copying.copy)

    def read_from(self, file: BinaryIO) -> T_co:
        return cast(T_co, need("joblib", "joblib").load(file))


def _look_at(library: Any, copy: io.BytesIO) -> None:
    copy.seek(0)
    try:
        library.load(copy)
    except Exception as error:  # of the value's class, which may want arguments that the pickle does not have
        reason = f"{class_name(type(error))}: {text_of(error, SHORT_TEXT)}"
        raise TypeError(f"it could not be loaded again: {reason}") from error


class _Copying:
    """A file that is written to, with a copy of the data as long as they are small.

    Attributes:
        copy: from its beginning; None if it was too much.
    """

    def __init__(self, file: BinaryIO):
        self._file = file
        self.flush = file.flush
        self.tell = file.tell
        self.copy: io.BytesIO | None = io.BytesIO()

    def write(self, data: bytes) -> int:
        if self.copy is not None:
            self.copy.write(data)
            self.copy = self.copy if self.copy.tell() <= LOOKED_AT else None
        return self._file.write(data)
