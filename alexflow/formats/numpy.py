"""``NumpyOutput`` and ``NpzOutput``: arrays in NumPy's own formats, without pickle."""

from __future__ import annotations

import warnings
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, BinaryIO, ClassVar, Generic, Literal, cast

from alexflow.formats.file import FileOutput, WriteOnly, of_local_file
from alexflow.formats.libraries import need
from alexflow.type_vars import T_co

#: From here on arrays are mapped: a mapping costs a file descriptor.
MAPPED_FROM = 1024 * 1024  # bytes

_ENDING = ".npy"  # of an array's name in an archive


class NumpyOutput(FileOutput[T_co]):
    """An array (``NumpyOutput[NDArray[np.float64]]``) as ``.npy``, any dtype but objects. Safe to share.

    A loaded array is read-only: an array of 1 MiB or more in a local storage is not read but mapped, and parts of it
    come into memory when they are used. ``load(mmap_mode="c")`` gives an array that can be written to.
    """

    safe_to_share: ClassVar[bool] = True

    def write_to(self, value: T_co, file: BinaryIO) -> None:  # type: ignore[misc]
        _write_array(value, WriteOnly(file))

    def read_from(self, file: BinaryIO) -> T_co:
        return cast(T_co, _read_array(file))

    def load(self, mmap_mode: Literal["r", "c"] = "r") -> T_co:
        """Load the array.

        Args:
            mmap_mode: as for :func:`numpy.load`: ``"r"``, read-only, or ``"c"``, copy-on-write: it can be written to,
                the parts that are take memory, and what is stored stays as it is.

        Raises:
            OutputNotFound: nothing is stored.
        """
        if mmap_mode not in ("r", "c"):
            raise ValueError(f"mmap_mode is 'r', read-only, or 'c', copy-on-write, not {mmap_mode!r}")
        mapped = of_local_file(self, lambda path: self._mapped(path, mmap_mode), least=MAPPED_FROM)
        if mapped is not None:
            return mapped[0]
        array: Any = super().load()
        if mmap_mode == "c":
            array.setflags(write=True)  # it was read for this call alone
        return cast(T_co, array)

    def _mapped(self, path: str, mmap_mode: Literal["r", "c"]) -> T_co:
        numpy = _numpy()
        with self._decoding():
            # a view: its users need not know that it is mapped
            return cast(T_co, numpy.asarray(numpy.load(path, mmap_mode=mmap_mode, allow_pickle=False)))

    async def aload(self, mmap_mode: Literal["r", "c"] = "r") -> T_co:
        """:meth:`load`, for ``async def run``."""
        from alexflow.storage.background import in_thread  # deferred: it imports asyncio

        return await in_thread(self.load, mmap_mode)


@dataclass(frozen=True, eq=False, repr=False)
class NpzOutput(FileOutput[Mapping[str, T_co]], Generic[T_co]):
    """Arrays by name (``NpzOutput[NDArray[np.float64]]``) as ``.npz``, any dtype but objects. Safe to share.

    Loaded arrays are read-only.

    Attributes:
        compressed: whether to compress them (zlib).
    """

    safe_to_share: ClassVar[bool] = True

    compressed: bool = field(default=False, compare=False)

    def write_to(self, value: Mapping[str, T_co], file: BinaryIO) -> None:
        write_archive(value, file, compressed=self.compressed)

    def read_from(self, file: BinaryIO) -> Mapping[str, T_co]:
        _numpy()
        arrays: dict[str, T_co] = {}
        with zipfile.ZipFile(file) as archive:
            for member in archive.infolist():
                with archive.open(member) as entry:
                    arrays[member.filename.removesuffix(_ENDING)] = _read_array(entry)
        return arrays


def write_archive(arrays: Mapping[str, Any], file: BinaryIO, *, compressed: bool) -> None:
    """Write arrays by name as ``.npz``.

    Raises:
        TypeError: one of them is no array, or its dtype would not come back.
    """
    _numpy()  # missing, it is missed before the value is looked at
    method = zipfile.ZIP_DEFLATED if compressed else zipfile.ZIP_STORED
    with zipfile.ZipFile(cast(Any, WriteOnly(file)), "w", method) as archive:
        for name, array in arrays.items():
            # by its name alone, it has no date: the same arrays give the same bytes
            member = zipfile.ZipInfo(_name_of_member(name))
            member.compress_type = method
            with archive.open(member, "w", force_zip64=True) as entry:
                _write_array(array, entry)


def _name_of_member(name: str) -> str:
    if not isinstance(name, str):
        raise TypeError(f"the name {name!r} of an array is not a string")
    if "\0" in name:  # where a zip file's names end
        raise ValueError(f"the name {name!r} of an array has a NUL in it")
    return name + _ENDING


def _numpy() -> Any:
    return need("numpy", "numpy")


def _write_array(array: Any, file: Any) -> None:
    numpy = _numpy()
    if type(array) not in (numpy.ndarray, numpy.memmap):
        raise TypeError("it is not an array")
    if array.dtype.hasobject:
        raise TypeError(f"an array of the dtype {array.dtype} holds objects, which would be pickled; use BinaryOutput")
    with warnings.catch_warnings():  # of a dtype's metadata, which equality leaves out, too
        warnings.simplefilter("ignore", UserWarning)
        back = numpy.lib.format.descr_to_dtype(numpy.lib.format.dtype_to_descr(array.dtype))
        if back != array.dtype:  # bfloat16 and other dtypes that are not NumPy's own
            raise TypeError(f"the dtype {array.dtype} would come back as {back}; convert it, or use BinaryOutput")
        numpy.lib.format.write_array(file, array, allow_pickle=False)


def _read_array(file: Any) -> Any:
    array = _numpy().lib.format.read_array(file, allow_pickle=False)
    array.setflags(write=False)
    return array
