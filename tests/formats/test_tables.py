"""Tables and frames: part of them may be loaded."""

import asyncio

import pytest

from alexflow import LocalStorage, Task, formats
from alexflow.errors import EncodingError
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


def stored_and_loaded(storage, frame):
    output = Task().build_output(formats.PandasOutput, key="detail").assign_storage(storage)
    output.store(frame)
    return output.load()


@pytest.mark.parametrize(
    "index",
    [
        pd.date_range("2026-01-01", periods=4, freq="D"),
        pd.date_range("2026-01-01", periods=4, freq="QE-MAR"),
        pd.date_range("2026-01-01", periods=4, freq="2h", tz="Europe/Berlin"),
        pd.timedelta_range("1h", periods=4, freq="90s"),
        pd.period_range("2026-01", periods=4, freq="M"),
        pd.DatetimeIndex(["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04"]),
    ],
    ids=lambda index: str(index.freq),
)
def test_the_frequency_of_an_index(storage, index):
    found = stored_and_loaded(storage, pd.DataFrame({"a": range(4)}, index=index))
    pd.testing.assert_index_equal(found.index, index, check_exact=True)
    assert found.index.freq == index.freq


def test_rows_that_filters_leave_have_no_frequency_that_is_not_theirs(storage):
    frame = pd.DataFrame({"a": range(9)}, index=pd.date_range("2026-01-01", periods=9, freq="D"))
    output = Task().build_output(formats.PandasOutput, key="detail").assign_storage(storage)
    output.store(frame)
    assert output.load(filters=[("a", "in", [1, 2, 5])]).index.freq is None
    assert output.load(filters=[("a", ">", 5)]).index.freq == frame.index.freq


def test_flags_and_attrs_of_a_frame(storage):
    frame = pd.DataFrame({"a": [1]}).set_flags(allows_duplicate_labels=False)
    frame.attrs = {"unit": "W", "limits": [1, 2.5, None]}
    found = stored_and_loaded(storage, frame)
    assert found.flags == frame.flags
    assert found.attrs == frame.attrs


@pytest.mark.filterwarnings("ignore:Could not serialize pd.DataFrame.attrs")
@pytest.mark.parametrize(
    ("attrs", "said"),
    [
        ({1: "x"}, "attrs: a key of the value is 1 and would come back as '1'"),
        ({"at": (1, 2)}, "attrs: ['at'] is (1, 2) and would come back as [1, 2]"),
        ({"by": object}, "attrs: a key of the value is 'by' and would come back as None"),
    ],
)
def test_attrs_that_would_come_back_as_others(storage, attrs, said):
    frame = pd.DataFrame({"a": [1]})
    frame.attrs = attrs
    with pytest.raises(EncodingError) as caught:
        stored_and_loaded(storage, frame)
    assert said in str(caught.value)


def test_a_frequency_that_would_not_come_back(storage):
    from pandas.tseries.offsets import CustomBusinessDay

    days = pd.date_range("2026-01-01", periods=4, freq=CustomBusinessDay(holidays=["2026-01-02"]))
    with pytest.raises(EncodingError, match=r"would not come back; set index\.freq = None"):
        stored_and_loaded(storage, pd.DataFrame({"a": range(4)}, index=days))
