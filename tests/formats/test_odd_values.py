"""Odd frames, tables and arrays: they come back as they were, or are refused when they are stored, with a reason."""

from __future__ import annotations

import datetime as dt
import decimal
import enum
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from alexflow import MemoryStorage, Task
from alexflow.errors import DecodingError, EncodingError
from alexflow.formats import (
    ArrowOutput,
    H5FileOutput,
    HDF5Output,
    NpzOutput,
    NumpyOutput,
    PandasOutput,
    ParquetOutput,
    PolarsOutput,
    SafetensorsOutput,
)

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
pytest.importorskip("safetensors")

Make = Callable[[], Any]
Colour = enum.Enum("Colour", "RED")


def stored(format: Any, value: Any) -> Any:
    output = Task().build_output(format, key="value").assign_storage(MemoryStorage())
    output.store(value)
    return output


def column(values: Any, dtype: Any = None) -> Make:
    """A frame of one column."""
    return lambda: pd.DataFrame({"a": pd.Series(values, dtype=dtype)})


def of_arrow(values: Any, kind: Any) -> Make:
    return column(values, pd.ArrowDtype(kind))


def labelled(columns: Make) -> Make:
    return lambda: pd.DataFrame([[1, 2]], columns=columns())


def indexed(index: Make) -> Make:
    return lambda: pd.DataFrame({"a": [1, 2]}, index=index())


PANDAS_KEEPS: dict[str, Make] = {
    "plain": lambda: pd.DataFrame({"a": [1, 2], "b": ["x", "y"], "c": [1.5, None], "d": [True, False]}),
    "rows without columns": lambda: pd.DataFrame(index=range(5)),
    "steps without columns": lambda: pd.DataFrame(index=range(2, 8, 2)),
    "names without columns": lambda: pd.DataFrame(index=["a", "b"]),
    "nothing": pd.DataFrame,
    "no rows": lambda: pd.DataFrame({"a": pd.Series([], dtype=float)}),
    "labels that are numbers": lambda: pd.DataFrame({1: [1], 2: [2]}),
    "labels that are dates": labelled(lambda: pd.date_range("2020", periods=2)),
    "labels of two levels": labelled(lambda: pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])),
    "labels of two levels over categories": lambda: pd.DataFrame(
        [[1, 2]], columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])
    ).astype("category"),
    "labels that are numbers over categories": lambda: pd.DataFrame({1.5: [1], 2.5: [2]}).astype("category"),
    "labels with a name": labelled(lambda: pd.Index(["a", "b"], name="columns")),
    "an index of two levels": indexed(lambda: pd.MultiIndex.from_tuples([("a", 1), ("a", 2)], names=["k", "l"])),
    "an index named as a column": indexed(lambda: pd.Index([5, 6], name="a")),
    "an index named 7": indexed(lambda: pd.Index([5, 6], name=7)),
    "an index of seconds": indexed(lambda: pd.DatetimeIndex(["2020", "2021"], dtype="datetime64[s]")),
    "an index of objects": indexed(lambda: pd.Index(["x", "y"], dtype=object)),
    "an index of categories": indexed(lambda: pd.CategoricalIndex(["x", "y"])),
    "an index of dates": indexed(lambda: pd.Index([dt.date(2020, 1, 1), dt.date(2020, 1, 2)], dtype=object)),
    "an index twice the same": indexed(lambda: pd.Index([0, 0])),
    "a column named as Arrow's index": lambda: pd.DataFrame({"__index_level_0__": [1, 2]}, index=["a", "b"]),
    "Arrow's lists": of_arrow([[1], [2, 3]], pa.list_(pa.int64())),
    "Arrow's structs": of_arrow([{"x": 1}], pa.struct([("x", pa.int64())])),
    "Arrow's dictionaries": of_arrow(["a", "b"], pa.dictionary(pa.int32(), pa.string())),
    "Arrow's maps": of_arrow([[("k", 1)]], pa.map_(pa.string(), pa.int64())),
    "Arrow's strings": of_arrow(["a", None], pa.string()),
    "Arrow's decimals": of_arrow([decimal.Decimal("1.1")], pa.decimal128(5, 2)),
    "Arrow's times": of_arrow([dt.datetime(2020, 1, 1)], pa.timestamp("us", "UTC")),
    "Int64": column([1, None], "Int64"),
    "boolean": column([True, None], "boolean"),
    "string": column(["x", None], "string"),
    "categories": lambda: pd.DataFrame({"a": pd.Categorical(["x", None], categories=["y", "x", "z"], ordered=True)}),
    "categories that are integers": lambda: pd.DataFrame({"a": pd.Categorical([3, 1], categories=[1, 3, 2])}),
    "categories that are numbers": lambda: pd.DataFrame({"a": pd.Categorical([1.5, None])}),
    "categories that are times": lambda: pd.DataFrame({"a": pd.Categorical(pd.to_datetime(["2020-01-01"]))}),
    "categories that are objects": lambda: pd.DataFrame(
        {"a": pd.Categorical(["x"], categories=pd.Index(["x", "y"], dtype=object))}
    ),
    "categories of no rows": lambda: pd.DataFrame({"a": pd.Categorical([], categories=["a", "b"])}),
    "no categories": lambda: pd.DataFrame({"a": pd.Categorical([None, None])}),
    "many categories": lambda: pd.DataFrame(
        {"a": pd.Categorical([str(n) for n in range(70_000)], categories=[str(n) for n in range(70_001)][::-1])}
    ),
    "seconds": column(["2020-01-01"], "datetime64[s]"),
    "milliseconds": column(["2020-01-01"], "datetime64[ms]"),
    "nanoseconds": column(["2020-01-01"], "datetime64[ns]"),
    "a zone": lambda: pd.DataFrame({"a": pd.date_range("2020", periods=2, tz="Europe/Berlin")}),
    "a zone, in seconds": lambda: pd.DataFrame(
        {"a": pd.date_range("2020", periods=2, tz="Europe/Berlin").as_unit("s")}
    ),
    "durations in seconds": column([1], "timedelta64[s]"),
    "periods": lambda: pd.DataFrame({"a": pd.period_range("2020", periods=2, freq="M")}),
    "intervals": lambda: pd.DataFrame({"a": pd.arrays.IntervalArray.from_breaks([1, 2, 3])}),
    "lists": column([[1], [2, 3], None]),
    "dicts with the same keys": column([{"x": 1}, {"x": 2}]),
    "arrays": lambda: pd.DataFrame({"a": [np.arange(2), np.arange(3)]}),
    "bytes": column([b"x", b"y"]),
    "dates": column([dt.date(2020, 1, 1), dt.date(9999, 1, 1)]),
    "times of day": column([dt.time(1, 2)]),
    "decimals": column([decimal.Decimal("1.10"), decimal.Decimal("2")]),
    "uuids": column([uuid.UUID(int=1)]),
    "objects that are integers": column([1, None], object),
    "objects that are nan": column([1.5, float("nan")], object),
    "objects that are strings": column(["x", "y"], object),
    "objects that are strings and None": column(["x", None], object),
    "objects that are strings and nan": column(["x", float("nan")], object),
    "objects that are booleans": column([True, None], object),
    "objects that are far times": column([dt.datetime(9999, 1, 1)], object),
    "nothing but None": column([None, None], object),
    "half a float": column([1.5], "float16"),
}

PANDAS_REFUSES: dict[str, tuple[Make, str]] = {
    "1 beside '1'": (
        lambda: pd.DataFrame({1: [1], "1": [2]}),
        "columns 1 and '1' would have one name; rename one of them",
    ),
    "1 beside a": (
        lambda: pd.DataFrame({1: [1], "a": [2]}),
        r"the column labels \[1, 'a'\] would come back as \['1', 'a'\]",
    ),
    "a beside a": (labelled(lambda: ["a", "a"]), "columns 'a' and 'a' would have one name"),
    "labels that are booleans": (labelled(lambda: [True, False]), "the column labels"),
    "labels that are tuples": (
        labelled(lambda: pd.Index([("a", 1), ("b", 2)], tupleize_cols=False)),
        "the column labels",
    ),
    "labels that are categories": (labelled(lambda: pd.CategoricalIndex(["x", "y"])), "it could never be loaded again"),
    "an index of numbers as categories": (indexed(lambda: pd.CategoricalIndex([1, 2])), "the index of type"),
    "an index with a tuple as its name": (indexed(lambda: pd.Index([3, 4], name=("a", 1))), "the index names"),
    "an index of anything": (indexed(lambda: pd.Index([0, "x"])), "Could not convert"),
    "dicts": (column([{"x": 1}, {"y": 2}]), r"column 'a', row 0: \{'x': 1\} would come back as \{'x': 1, 'y': None\}"),
    "tuples": (
        column([(1, 2), (3, 4)]),
        r"column 'a', row 0: \(1, 2\) would come back as \[1, 2\]; convert the column",
    ),
    "sets": (column([{1}, {2}]), r"column 'a', row 0: \{1\} would come back as \[1\]"),
    "strings and NA": (
        lambda: pd.DataFrame({"a": pd.Series(["x", pd.NA], dtype=object)}),
        "row 1: <NA> would come back",
    ),
    "anything": (column([1, "x"], object), "column a"),
    "complex numbers": (column([1 + 2j]), "column a"),
    "sparse": (lambda: pd.DataFrame({"a": pd.arrays.SparseArray([0, 1])}), "column a"),
    "categories that are anything": (lambda: pd.DataFrame({"a": pd.Categorical([1, "a"])}), "column a"),
    "enums": (column([Colour.RED]), "column a"),
    "no frame": (lambda: pd.Series([1]), "it is not a pandas.DataFrame"),
}


@pytest.mark.parametrize("name", PANDAS_KEEPS)
def test_pandas_keeps(name):
    frame = PANDAS_KEEPS[name]()
    output = stored(PandasOutput, frame)
    pd.testing.assert_frame_equal(output.load(), frame, check_exact=True, check_freq=False)
    for position, label in enumerate(frame.columns):
        pd.testing.assert_frame_equal(output.load(columns=[label]), frame.iloc[:, [position]], check_freq=False)
        for given, back in zip(frame.iloc[:, position], output.load().iloc[:, position], strict=True):
            assert type(given) is type(back)


@pytest.mark.parametrize("name", PANDAS_REFUSES)
def test_pandas_refuses(name):
    make, reason = PANDAS_REFUSES[name]
    with pytest.raises(EncodingError, match=rf"cannot be stored as PandasOutput: .*{reason}"):
        stored(PandasOutput, make())


def test_columns_that_are_not_there():
    output = stored(PandasOutput, pd.DataFrame({1: [1], 2: [2]}))
    assert list(output.load(columns=[2, 1]).columns) == [2, 1]
    with pytest.raises(LookupError, match=r"value has no column '3'; it has '1', '2'"):
        output.load(columns=[3])
    with pytest.raises(TypeError, match=r"columns is a list of names, not a string; pass \['ab'\]"):
        output.load(columns="ab")


def test_a_frame_is_a_table_for_others():
    frame = pd.DataFrame(
        {"a": pd.Categorical([3, 1]), "b": [[1], [2]], "t": pd.Series(["2020", "2021"], dtype="datetime64[s]")}
    )
    storage = MemoryStorage()
    Task().build_output(PandasOutput, key="value").assign_storage(storage).store(frame)
    table = Task().build_output(ParquetOutput, key="value").assign_storage(storage).load()
    assert table.column("a").to_pylist() == [3, 1]
    assert Task().build_output(PolarsOutput, key="value").assign_storage(storage).load()["b"].to_list() == [[1], [2]]


# -- tables


def table(*values: Any, kind: Any) -> Make:
    return lambda: pa.table({"a": pa.array(values, kind)})


TABLES: dict[str, Make] = {
    "seconds": table(1, kind=pa.timestamp("s")),
    "seconds in a zone": table(1, kind=pa.timestamp("s", "UTC")),
    "lists of seconds": table([1], kind=pa.list_(pa.timestamp("s"))),
    "seconds of a day": table(1, kind=pa.time32("s")),
    "durations": table(1, kind=pa.duration("s")),
    "days in milliseconds": table(86_400_000, kind=pa.date64()),
    "strings": table("x", kind=pa.large_string()),
    "decimals": table(decimal.Decimal(1), kind=pa.decimal256(50, 2)),
    "lists": table([1, 2], kind=pa.list_(pa.int8(), 2)),
    "maps": table([("k", 1)], kind=pa.map_(pa.string(), pa.int64())),
    "structs": table({"x": 1}, kind=pa.struct([("x", pa.int64())])),
    "nulls": table(None, kind=pa.null()),
    "dictionaries": lambda: pa.table({"a": pa.array(["x", "y"]).dictionary_encode()}),
    "metadata": lambda: pa.table({"a": [1]}).replace_schema_metadata({"k": "v"}),
    "metadata beside seconds": lambda: table(1, kind=pa.timestamp("s"))().replace_schema_metadata({"k": "v"}),
    "nothing": lambda: pa.table({}),
}

ODD_TABLES: dict[str, tuple[Make, str]] = {
    "two of one name": (
        lambda: pa.table([[1], [2]], names=["a", "a"]),
        "two columns are called 'a'; rename one of them",
    ),
    "rows without columns": (
        lambda: pa.table({"a": [1, 2]}).select([]),
        "no columns, so that its 2 rows would be lost",
    ),
    "dictionaries of integers": (
        lambda: pa.table({"a": pa.array([5, 6]).dictionary_encode()}),
        "column 'a' of type dictionary<.* would come back as int64 .*; use ArrowOutput",
    ),
    "runs": (lambda: pa.table({"a": pa.RunEndEncodedArray.from_arrays([2], [1])}), "run_end_encoded"),
    "no table": (lambda: [1], "it is not a pyarrow.Table"),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("format", [ParquetOutput, ArrowOutput])
def test_tables_are_kept(format, name):
    given = TABLES[name]()
    output = stored(format, given)
    back = output.load()
    assert back.equals(given)
    assert back.schema.types == given.schema.types
    assert back.schema.metadata == given.schema.metadata
    if format is ParquetOutput and given.column_names:
        assert output.load(columns=["a"]).schema.types == given.schema.types


@pytest.mark.parametrize("name", ODD_TABLES)
def test_tables_are_refused(name):
    make, reason = ODD_TABLES[name]
    with pytest.raises(EncodingError, match=rf"cannot be stored as ParquetOutput: .*{reason}"):
        stored(ParquetOutput, make())
    if name not in ("no table", "rows without columns"):
        assert stored(ArrowOutput, make()).load().equals(make())


def series(values: Any, dtype: Any) -> Make:
    return lambda: pl.DataFrame({"a": pl.Series(values, dtype=dtype)})


POLARS: dict[str, Make] = {
    "nothing": pl.DataFrame,
    "nulls": series([None, None], pl.Null),
    "categories": series(["x", "y", "x"], pl.Categorical),
    "an enum": series(["x"], pl.Enum(["y", "x"])),
    "an enum of no rows": series([], pl.Enum(["y", "x"])),
    "lists": series([[1], None], pl.List(pl.Int8)),
    "arrays": series([[1, 2]], pl.Array(pl.Int8, 2)),
    "structs": series([{"x": 1, "y": "a"}], pl.Struct({"x": pl.Int8, "y": pl.String})),
    "decimals": series([decimal.Decimal("1.10")], pl.Decimal(10, 2)),
    "durations": series([dt.timedelta(1)], pl.Duration("ms")),
    "times of day": series([dt.time(1, 2)], pl.Time),
    "a zone": series([dt.datetime(2020, 1, 1)], pl.Datetime("ms", "Europe/Berlin")),
    "nan": series([1.5, float("nan"), None], pl.Float32),
    "bytes": series([b"x"], pl.Binary),
}


@pytest.mark.parametrize("name", POLARS)
def test_polars_keeps(name):
    from polars.testing import assert_frame_equal

    frame = POLARS[name]()
    assert_frame_equal(stored(PolarsOutput, frame).load(), frame, check_exact=True)


def test_polars_refuses():
    for value in (series([object()], pl.Object)(), pl.DataFrame({"a": [1]})["a"], [1]):
        with pytest.raises(EncodingError, match="cannot be stored as PolarsOutput: "):
            stored(PolarsOutput, value)


# -- arrays

GRID = np.arange(6).reshape(2, 3)

ARRAYS: dict[str, Make] = {
    "fortran": lambda: np.asfortranarray(GRID),
    "strided": lambda: GRID[:, ::2],
    "backwards": lambda: GRID[::-1],
    "a number": lambda: np.array(5),
    "nothing": lambda: np.zeros((0, 3)),
    "booleans": lambda: GRID > 2,
    "halves": lambda: GRID.astype("f2"),
    "nan": lambda: np.array([np.nan, -0.0]),
}

MORE_ARRAYS: dict[str, Make] = {
    "a structure": lambda: np.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    "a structure with gaps": lambda: np.zeros(1, dtype=np.dtype([("a", "i1"), ("b", "f8")], align=True)),
    "the other byte order": lambda: GRID.astype(">i4"),
    "strings": lambda: np.array(["x", "yy"]),
    "bytes": lambda: np.array([b"x"]),
    "times": lambda: np.array(["2020"], dtype="datetime64[s]"),
    "complex": lambda: GRID * 1j,
    "metadata": lambda: np.zeros(1, dtype=np.dtype("i4", metadata={"k": 1})),
}


def check_same(back: Any, given: Any) -> None:
    assert (back.dtype, back.shape) == (given.dtype, given.shape)
    np.testing.assert_array_equal(back, given)


@pytest.mark.parametrize("name", ARRAYS | MORE_ARRAYS)
def test_arrays_are_kept(name):
    given = (ARRAYS | MORE_ARRAYS)[name]()
    check_same(stored(NumpyOutput, given).load(), given)
    check_same(stored(NpzOutput, {"x.npy": given, "../é": given, "": given}).load()["../é"], given)
    if name in ARRAYS:
        check_same(stored(SafetensorsOutput, {"x": given}).load()["x"], given)


def test_arrays_are_refused():
    objects = "holds objects, which would be pickled; use BinaryOutput"
    for value, reason in [
        (np.array([object()]), objects),
        (np.array([(1, "x")], dtype=[("a", "i4"), ("b", "O")]), objects),
        (np.ma.array(GRID), "it is not an array"),
        ([1], "it is not an array"),
        (np.float64(1), "it is not an array"),
    ]:
        with pytest.raises(EncodingError, match=rf"NumpyOutput: .*{reason}"):
            stored(NumpyOutput, value)
        with pytest.raises(EncodingError, match=rf"NpzOutput: .*{reason}"):
            stored(NpzOutput, {"x": value})
    for name, reason in [(1, "the name 1 of an array is not a string"), ("a\0b", "has a NUL in it")]:
        with pytest.raises(EncodingError, match=rf"NpzOutput: .*{reason}"):
            stored(NpzOutput, {name: GRID})


class Tensor:
    """A stand-in with the class name and module of a torch tensor."""


Tensor.__module__ = "torch"


def test_safetensors_takes_arrays_only():
    for value, reason in [
        (
            {"w": Tensor()},
            r"'w' is a torch\.Tensor, not a NumPy array; convert it: \{name: tensor\.numpy\(force=True\)",
        ),
        ({"w": [1]}, r"'w' is a list, not a NumPy array$"),
        ({"w": np.ma.array(GRID)}, "not a NumPy array"),
        ({"w": np.zeros(1, dtype=[("a", "i4")])}, "'w' has the dtype .*, which safetensors lacks"),
        ({"w": np.array(["x"])}, "dtype"),
        ({"w": GRID.astype(">f8")}, r"return as '<f8'; convert it with \.astype\('<f8'\)"),
        ({"__metadata__": GRID}, "'__metadata__' has a meaning of its own"),
        ({1: GRID}, "int"),
    ]:
        with pytest.raises(EncodingError, match=rf"cannot be stored as SafetensorsOutput: .*{reason}"):
            stored(SafetensorsOutput, value)


@pytest.mark.parametrize("format", [HDF5Output, H5FileOutput])
def test_what_is_no_hdf5_file_is_told(format, storage):
    pytest.importorskip("h5py")
    pytest.importorskip("tables")
    output = Task().build_output(format, key="value").assign_storage(storage)
    for data in (b"garbage", b"", b"\x89HDF\r\n\x1a\n" + b"x" * 1_000):
        storage.write(output.key, data)
        with pytest.raises(DecodingError, match=rf"value: what is stored cannot be loaded as {format.__name__}: "):
            output.load().__enter__()
        output.remove()


@pytest.mark.parametrize(
    "format", [PandasOutput, ParquetOutput, PolarsOutput, ArrowOutput, NumpyOutput, NpzOutput, SafetensorsOutput]
)
def test_what_is_in_another_format_is_told(format, storage):
    output = Task().build_output(format, key="value").assign_storage(storage)
    for data in (b"garbage", b"", b"PAR1" + b"x" * 100 + b"PAR1", b"x" * 2_000_000):
        storage.write(output.key, data)
        with pytest.raises(
            DecodingError, match=rf"value: what is stored cannot be loaded as {format.__name__}: .*; if it"
        ):
            output.load()
        output.remove()
