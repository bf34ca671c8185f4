"""Tables and frames: part of them may be loaded."""

import asyncio

import pytest

from alexflow import LocalStorage, MemoryStorage, Task, formats
from tests.formats.values import ROWS, Made, example

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
pc = pytest.importorskip("pyarrow.compute")


def stored(name, storage, **options):
    task = Made(name)
    output = task.build_output(getattr(formats, name), "frame", **options).assign_storage(storage)
    output.store(example(name))
    return output


@pytest.mark.parametrize("filters", [[("n", ">=", ROWS - 5)], pc.field("n") >= ROWS - 5], ids=["list", "expression"])
def test_columns_and_filters_of_a_table(storage, filters):
    output = stored("ParquetOutput", storage)
    assert output.load(columns=["x", "n"]).column_names == ["x", "n"]
    assert output.load(filters=filters)["n"].to_pylist() == list(range(ROWS - 5, ROWS))
    part = output.load(columns=("x",), filters=filters)
    assert part.column_names == ["x"]
    assert part.num_rows == 5
    assert asyncio.run(output.aload(columns=["x"], filters=filters)).equals(part)


def test_columns_and_filters_of_a_pandas_frame(storage):
    output = stored("PandasOutput", storage)
    part = output.load(columns=["name"], filters=[("n", "<", 3)])
    pd.testing.assert_frame_equal(part, example("PandasOutput")[["name"]][:3], check_freq=False)


def test_columns_and_filters_of_a_polars_frame(storage):
    output = stored("PolarsOutput", storage)
    part = output.load(columns=["name"], filters=pl.col("n") < 3)
    assert part.equals(example("PolarsOutput")[:3].select("name"))
    assert output.load(columns=["x", "n"]).columns == ["x", "n"]


@pytest.mark.parametrize("name", ["ParquetOutput", "PandasOutput", "PolarsOutput"])
def test_what_the_path_says_is_not_a_column(tmp_path, name):
    storage = LocalStorage(tmp_path / ".hidden")
    storage.prepare()
    task = Made(name)
    output = task.build_output(getattr(formats, name), "day=7/[a]*.parquet").assign_storage(storage)
    output.store(example(name))
    columns = output.load().column_names if name == "ParquetOutput" else list(output.load().columns)
    assert "day" not in columns or name != "PandasOutput"
    assert len(columns) == len(example(name).columns)


@pytest.mark.parametrize("name", ["ParquetOutput", "PandasOutput", "PolarsOutput"])
def test_compression_is_no_other_output(storage, name):
    sizes = {}
    for compression in ("zstd", "none"):
        output = stored(name, storage, compression=compression)
        sizes[compression] = storage.size(output.key)
        assert output == Made(name).build_output(getattr(formats, name), "frame")
        output.remove()
    assert sizes["zstd"] < sizes["none"]


def test_one_writes_what_another_reads(storage):
    key = stored("PandasOutput", storage).key
    as_table = formats.ParquetOutput(Made("PandasOutput"), key, storage)
    as_polars = formats.PolarsOutput(Made("PandasOutput"), key, storage)
    assert as_table.load(columns=["n"])["n"].to_pylist() == list(range(ROWS))
    assert as_polars.load(columns=["n"])["n"].to_list() == list(range(ROWS))


def test_arrow_is_mapped_where_there_is_a_file(storage):
    output = stored("ArrowOutput", storage)
    before = pa.total_allocated_bytes()
    table = output.load()
    if isinstance(storage, LocalStorage):
        assert pa.total_allocated_bytes() - before < table.nbytes / 2
    output.remove()
    assert table.equals(example("ArrowOutput"))


def test_an_empty_table(storage):
    for name in ("ParquetOutput", "ArrowOutput"):
        output = Made(name).output().assign_storage(storage)
        output.store(example(name)[:0])
        assert output.load().equals(example(name)[:0])


def test_a_frame_comes_back_equal_but_for_what_equality_leaves_out():
    frame = pd.DataFrame({"a": [1, 2, 3]}, index=pd.date_range("2020", periods=3, freq="D"))
    frame = frame.set_flags(allows_duplicate_labels=False)
    frame.attrs = {"unit": "W", 2: "b"}
    output = Task().build_output(formats.PandasOutput, key="x").assign_storage(MemoryStorage())
    output.store(frame)
    found = output.load()
    assert found.equals(frame)
    assert (found.attrs, found.index.freq) == ({"unit": "W", "2": "b"}, None)
    assert found.flags.allows_duplicate_labels
