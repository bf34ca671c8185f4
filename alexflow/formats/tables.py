"""``ParquetOutput``, ``ArrowOutput``, ``PandasOutput``, ``PolarsOutput``: tables and data frames."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, cast

from alexflow.formats import arrow_types, frames
from alexflow.formats.file import FileOutput, WriteOnly, of_local_file
from alexflow.formats.libraries import need
from alexflow.type_vars import T_co

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa
    import pyarrow.dataset as pads


COMPRESSION = "zstd"


@dataclass(frozen=True, eq=False, repr=False)
class _Parquet(FileOutput[T_co]):
    """Data as Parquet, which can be loaded in part.

    Attributes:
        compression: of Parquet's: ``zstd``, ``snappy``, ``lz4``, ``gzip``, ``brotli``, ``none``.
    """

    compression: str = field(default=COMPRESSION, compare=False)

    def load(self, columns: Sequence[str] | None = None, filters: Any = None) -> T_co:
        """Load the stored value, or a part of it.

        Args:
            columns: names of the columns to load.
            filters: conditions on the rows to load. For tables and pandas, as for :func:`pyarrow.parquet.read_table`,
                such as ``[("day", ">=", 7)]``, or an expression of :mod:`pyarrow.compute`; for polars an expression.

        Raises:
            OutputNotFound: nothing is stored.
        """
        raise NotImplementedError

    async def aload(self, columns: Sequence[str] | None = None, filters: Any = None) -> T_co:
        """:meth:`load`, for ``async def run``."""
        from alexflow.storage.background import (
            in_thread,
        )  # deferred: it imports asyncio, which a worker process does not need

        return await in_thread(self.load, columns, filters)

    def _read_table(self, columns: Sequence[str] | None, filters: Any, **options: Any) -> Any:
        parquet = need("pyarrow.parquet", "parquet")
        with _arrow_file(self) as file:
            with self._decoding():
                stored = parquet.ParquetFile(file)
            if columns is not None:
                columns = self._known_columns(columns, stored.schema_arrow.names)
            with nullcontext() if filters is not None else self._decoding():  # the filters may be wrong themselves
                return parquet.read_table(file, columns=columns, filters=filters, **options)

    def _known_columns(self, wanted: Sequence[str], there: Sequence[str]) -> list[str]:
        if isinstance(wanted, str):
            raise TypeError(f"columns is a list of names, not a string; pass [{wanted!r}]")
        for name in wanted:
            if name not in there:
                raise LookupError(f"{self.key} has no column {name!r}; it has {', '.join(map(repr, there))}")
        return list(wanted)


class ParquetOutput(_Parquet["pa.Table"]):
    """A :class:`pyarrow.Table` as Parquet. Safe to share.

    Attributes:
        compression: of Parquet's: ``zstd``, ``snappy``, ``lz4``, ``gzip``, ``brotli``, ``none``.
    """

    safe_to_share: ClassVar[bool] = True

    def store(self, value: pa.Table | pa.RecordBatchReader | pads.Dataset) -> None:
        """Store a table, or, batch by batch, a reader or a dataset of Arrow, which need not fit in memory."""
        super().store(cast("pa.Table", value))

    async def astore(self, value: pa.Table | pa.RecordBatchReader | pads.Dataset) -> None:
        await super().astore(cast("pa.Table", value))

    def write_to(self, value: pa.Table, file: BinaryIO) -> None:
        arrow, parquet = need("pyarrow", "parquet"), need("pyarrow.parquet", "parquet")
        if isinstance(value, arrow.Table):
            parquet.write_table(arrow_types.to_stored(value), file, compression=self.compression)
            return
        batches = _batches(value)
        with parquet.ParquetWriter(
            file, arrow_types.to_stored(value.schema.empty_table()).schema, compression=self.compression
        ) as writer:
            for batch in batches:
                writer.write_table(arrow_types.to_stored(arrow.Table.from_batches([batch], value.schema)))

    @contextmanager
    def dataset(self) -> Iterator[pads.Dataset]:
        """Open the stored table as a dataset, of which only what is asked for is read.

        ::

            with output.dataset() as dataset:
                table = dataset.to_table(columns=["x"], filter=pc.field("day") >= 7)

        Types that Parquet lacks are those that it has in their place.

        Raises:
            OutputNotFound: nothing is stored.
            DecodingError: the data are damaged.
        """
        dataset = need("pyarrow.dataset", "parquet")
        with self.path() as path:
            with self._decoding():
                opened = dataset.dataset(path, format="parquet")
            yield opened

    def load(self, columns: Sequence[str] | None = None, filters: Any = None) -> pa.Table:
        return arrow_types.to_given(self._read_table(columns, filters))


def _batches(value: Any) -> Iterable[Any]:
    """The batches of a reader or a dataset."""
    if isinstance(value, need("pyarrow", "parquet").RecordBatchReader):
        return cast("Iterable[Any]", value)
    if isinstance(value, need("pyarrow.dataset", "parquet").Dataset):
        return cast("Iterable[Any]", value.to_batches())
    raise TypeError("it is not a pyarrow.Table, nor a reader of batches or a dataset")


class PandasOutput(_Parquet["pd.DataFrame"]):
    """A :class:`pandas.DataFrame` as Parquet, with its index and dtypes. Safe to share.

    Details that Parquet and pandas lose (categories, seconds, Arrow's nested types, lists in columns of objects) are
    noted and restored, as are the ``freq`` of an index of dates, ``flags`` and ``attrs``; a frame that would come back
    as another one is refused when it is stored.

    Attributes:
        compression: of Parquet's: ``zstd``, ``snappy``, ``lz4``, ``gzip``, ``brotli``, ``none``.
    """

    safe_to_share: ClassVar[bool] = True

    def write_to(self, value: pd.DataFrame, file: BinaryIO) -> None:
        pandas = need("pandas", "pandas")
        if not isinstance(value, pandas.DataFrame):
            raise TypeError("it is not a pandas.DataFrame")
        need("pyarrow.parquet", "pandas").write_table(frames.to_table(value), file, compression=self.compression)

    def load(self, columns: Sequence[Any] | None = None, filters: Any = None) -> pd.DataFrame:
        need("pandas", "pandas")
        if columns is not None and not isinstance(columns, str):
            columns = [frames.name_in_table(label) for label in columns]
        # its index comes with any columns
        table = self._read_table(columns, filters, use_pandas_metadata=True)
        with self._decoding():
            return frames.to_frame(table)


class PolarsOutput(_Parquet["pl.DataFrame"]):
    """A :class:`polars.DataFrame` as Parquet. Safe to share.

    A :class:`polars.LazyFrame` is stored as it is computed, without being in memory as a whole; :meth:`scan` opens one.

    Attributes:
        compression: of Parquet's: ``zstd``, ``snappy``, ``lz4``, ``gzip``, ``brotli``, ``none``.
    """

    safe_to_share: ClassVar[bool] = True

    def store(self, value: pl.DataFrame | pl.LazyFrame) -> None:
        if isinstance(value, need("polars", "polars").LazyFrame):
            frame = cast("pl.LazyFrame", value)
            with self.path("w") as path, self._encoding(value):
                frame.sink_parquet(path, compression=self._polars_compression)
        else:
            super().store(cast("pl.DataFrame", value))

    async def astore(self, value: pl.DataFrame | pl.LazyFrame) -> None:
        await super().astore(cast("pl.DataFrame", value))

    @property
    def _polars_compression(self) -> Any:
        return "uncompressed" if self.compression == "none" else self.compression

    def write_to(self, value: pl.DataFrame, file: BinaryIO) -> None:
        polars = need("polars", "polars")
        if not isinstance(value, polars.DataFrame):
            raise TypeError("it is not a polars.DataFrame")
        value.write_parquet(cast(Any, WriteOnly(file)), compression=self._polars_compression)

    @contextmanager
    def scan(self) -> Iterator[pl.LazyFrame]:
        """Open the stored frame as a lazy one, of which only what is asked for is read, in the ``with`` block.

        ::

            with output.scan() as frame:
                days = frame.filter(pl.col("x") > 1).group_by("day").len().collect()

        Raises:
            OutputNotFound: nothing is stored.
        """
        polars = need("polars", "polars")
        with self.path() as path:
            yield polars.scan_parquet(path, glob=False, hive_partitioning=False)

    def load(self, columns: Sequence[str] | None = None, filters: Any = None) -> pl.DataFrame:
        polars = need("polars", "polars")
        # the arguments may be wrong themselves
        with nullcontext() if columns is not None or filters is not None else self._decoding():
            found = of_local_file(self, lambda path: self._collected(polars, path, columns, filters))
            if found is not None:
                return found[0]
            with self.open("rb") as file:
                return self._collected(polars, file, columns, filters)

    def _collected(self, polars: Any, source: Any, columns: Sequence[str] | None, filters: Any) -> pl.DataFrame:
        # the path is that of one file, and must not be taken for a pattern or for partitions
        frame = polars.scan_parquet(source, glob=False, hive_partitioning=False)
        if filters is not None:
            frame = frame.filter(filters)
        if columns is not None:
            frame = frame.select(columns)
        return cast("pl.DataFrame", frame.collect())


class ArrowOutput(FileOutput["pa.Table"]):
    """A :class:`pyarrow.Table` in Arrow's own format (an IPC file, also called Feather), not compressed. Safe to share.

    It is larger than Parquet, and loads at no cost from a local storage: the file is mapped, and its parts are read
    when they are used.
    """

    safe_to_share: ClassVar[bool] = True

    def write_to(self, value: pa.Table, file: BinaryIO) -> None:
        arrow = need("pyarrow", "parquet")
        if not isinstance(value, arrow.Table):
            raise TypeError("it is not a pyarrow.Table")
        with arrow.ipc.new_file(file, value.schema) as writer:
            writer.write_table(value)

    def load(self) -> pa.Table:
        with _arrow_file(self) as file, self._decoding():
            return cast("pa.Table", need("pyarrow", "parquet").ipc.open_file(file).read_all())


@contextmanager
def _arrow_file(output: FileOutput[Any]) -> Iterator[Any]:
    """The stored file as Arrow reads it fastest: mapped if it is on this machine."""
    arrow = need("pyarrow", "parquet")
    with output._decoding():
        mapped = of_local_file(output, arrow.memory_map)
    if mapped is not None:
        with mapped[0] as file:  # data that were read from it keep it mapped
            yield file
    else:
        with output.open("rb") as file:
            yield arrow.PythonFile(file, mode="r")
