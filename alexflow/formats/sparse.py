"""``SparseOutput``: sparse matrices and arrays of SciPy, in SciPy's own format, without pickle."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, ClassVar, cast

from alexflow.formats.file import FileOutput
from alexflow.formats.libraries import need
from alexflow.formats.numpy import write_archive
from alexflow.hooks import a_thing
from alexflow.type_vars import T_co

_KEPT = ("csr", "csc", "bsr", "coo", "dia")


@dataclass(frozen=True, eq=False, repr=False)
class SparseOutput(FileOutput[T_co]):
    """A sparse matrix or array (``SparseOutput[scipy.sparse.csr_array]``) as ``scipy.sparse.load_npz`` reads it.

    Of the formats csr, csc, bsr, coo and dia, and of any dtype but objects; others are refused when they are stored.
    Safe to share.

    Attributes:
        compressed: whether to compress it (zlib).
    """

    safe_to_share: ClassVar[bool] = True

    compressed: bool = field(default=False, compare=False)

    def write_to(self, value: T_co, file: BinaryIO) -> None:  # type: ignore[misc]
        write_archive(dict(_arrays(value)), file, compressed=self.compressed)

    def read_from(self, file: BinaryIO) -> T_co:
        return cast(T_co, need("scipy.sparse", "sparse").load_npz(file))


def _arrays(matrix: Any) -> Iterator[tuple[str, Any]]:
    """The arrays that SciPy makes a matrix of, by the names that it knows them by."""
    sparse, numpy = need("scipy.sparse", "sparse"), need("numpy", "sparse")
    if not sparse.issparse(matrix):
        raise TypeError("it is not a sparse matrix or array of SciPy")
    kind = type(matrix).__qualname__
    if matrix.format not in _KEPT:
        raise TypeError(f"SciPy cannot store {a_thing(kind)}; convert it, as with .tocsr()")
    if matrix.ndim != 2:
        raise TypeError(f"it has {matrix.ndim} dimensions, of which SciPy loads two")
    if matrix.format == "coo":
        yield from (("row", matrix.row), ("col", matrix.col))
    elif matrix.format == "dia":
        yield "offsets", matrix.offsets
    else:
        yield from (("indices", matrix.indices), ("indptr", matrix.indptr))
    yield "format", numpy.array(matrix.format.encode("ascii"))
    yield "shape", numpy.array(matrix.shape)
    yield "data", matrix.data
    if isinstance(matrix, sparse.sparray):
        yield "_is_array", numpy.array(True)
