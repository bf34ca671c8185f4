"""Values that are stored as they are computed, and opened without being read as a whole."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import Any

import pytest

from alexflow import LocalStorage, Task, formats
from alexflow.errors import DecodingError, EncodingError, OutputNotFound
from alexflow.storage import CacheStorage, PrefixStorage


def bound(format: Any, storage: Any, **options: Any) -> Any:
    return Task().build_output(format, key="value", **options).assign_storage(storage)


# -- tables


def test_a_lazy_frame_of_polars(storage):
    pl = pytest.importorskip("polars")
    output = bound(formats.PolarsOutput, storage)
    with pytest.raises(OutputNotFound), output.scan():
        pass
    frame = pl.DataFrame({"n": list(range(1000)), "odd": [n % 2 == 1 for n in range(1000)]})
    output.store(frame.lazy().filter(pl.col("odd")))
    assert output.load().equals(frame.filter(pl.col("odd")))
    with output.scan() as lazy:
        assert isinstance(lazy, pl.LazyFrame)
        assert lazy.filter(pl.col("n") > 990).select(pl.len()).collect().item() == 5


def test_a_lazy_frame_that_fails_stores_nothing(storage):
    pl = pytest.importorskip("polars")
    output = bound(formats.PolarsOutput, storage)
    with pytest.raises(EncodingError, match="a LazyFrame cannot be stored as PolarsOutput"):
        output.store(pl.LazyFrame({"a": [1]}).select("missing"))
    assert not output.exists()


def test_datasets_and_readers_of_arrow(storage):
    pa = pytest.importorskip("pyarrow")
    dataset = pytest.importorskip("pyarrow.dataset")
    table = pa.table({"n": list(range(1000)), "t": pa.array(range(1000), pa.timestamp("s"))})
    batches = table.to_batches(max_chunksize=300)
    for value in (dataset.dataset(table), pa.RecordBatchReader.from_batches(table.schema, batches)):
        output = bound(formats.ParquetOutput, storage)
        output.store(value)
        assert output.load().equals(table)
        with output.dataset() as opened:
            assert opened.to_table(columns=["n"], filter=dataset.field("n") >= 990).num_rows == 10
        output.remove()
    empty = pa.RecordBatchReader.from_batches(table.schema, [])
    output.store(empty)
    assert output.load().equals(table.schema.empty_table())


def test_what_is_neither_is_refused(storage):
    pytest.importorskip("pyarrow")
    output = bound(formats.ParquetOutput, storage)
    with pytest.raises(EncodingError, match=r"it is not a pyarrow\.Table, nor a reader of batches or a dataset"):
        output.store([1])
    storage.write(output.key, b"no parquet")
    with pytest.raises(DecodingError), output.dataset():
        pass


# -- arrays


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_an_array_that_can_be_written_to(storage, size):
    np = pytest.importorskip("numpy")
    output = bound(formats.NumpyOutput, storage)
    output.store(np.arange(size))
    array = output.load(mmap_mode="c")
    array[0] = 7
    assert (array[0], array[-1]) == (7, size - 1)
    assert output.load()[0] == 0
    assert asyncio.run(output.aload(mmap_mode="c"))[0] == 0
    assert not output.load().flags.writeable
    with pytest.raises(ValueError, match="not 'r\\+'"):
        output.load(mmap_mode="r+")


def test_sparse_matrices_of_every_kind(storage):
    sparse = pytest.importorskip("scipy.sparse")
    np = pytest.importorskip("numpy")
    dense = np.diag([1.5, 0.0, 2.5])
    for kind in ("csr", "csc", "bsr", "coo", "dia"):
        for cls in (getattr(sparse, f"{kind}_array"), getattr(sparse, f"{kind}_matrix")):
            output = bound(formats.SparseOutput, storage, compressed=kind == "csr")
            output.store(cls(dense))
            loaded = output.load()
            assert type(loaded) is cls
            assert (loaded.toarray() == dense).all()
            output.remove()


def test_sparse_matrices_that_scipy_cannot_store(storage):
    sparse = pytest.importorskip("scipy.sparse")
    np = pytest.importorskip("numpy")
    output = bound(formats.SparseOutput, storage)
    for value, message in (
        (sparse.lil_array((2, 2)), "SciPy cannot store a lil_array; convert it"),
        (sparse.coo_array(np.array([1.0, 2.0])), "it has 1 dimensions, of which SciPy loads two"),
        (np.zeros((2, 2)), "it is not a sparse matrix or array of SciPy"),
    ):
        with pytest.raises(EncodingError, match=message):
            output.store(value)
        assert not output.exists()


# -- directories


def test_one_file_out_of_a_directory(storage, tmp_path):
    made = tmp_path / "made"
    (made / "weights").mkdir(parents=True)
    (made / "config.json").write_text("{}")
    (made / "weights" / "0.bin").write_bytes(os.urandom(3_000_000))
    output = bound(formats.DirectoryOutput, storage)
    with pytest.raises(OutputNotFound):
        output.names()
    output.store(made)
    assert output.names() == ["config.json", "weights/0.bin"]
    assert output.read_file("config.json") == b"{}"
    assert asyncio.run(output.aread_file("config.json")) == b"{}"
    with output.open_file("weights/0.bin") as file:
        file.seek(2_999_990)
        assert file.read() == (made / "weights" / "0.bin").read_bytes()[-10:]
    with pytest.raises(LookupError, match=r"has no file 'weights'; it has 'config.json', 'weights/0.bin'"):
        output.read_file("weights")


def test_a_damaged_directory(storage):
    output = bound(formats.DirectoryOutput, storage)
    storage.write(output.key, b"no archive")
    with pytest.raises(DecodingError):
        output.names()
    with pytest.raises(DecodingError):
        output.read_file("a")


# -- PyTorch


def test_tensors_are_loaded_where_they_are_wanted_and_may_be_changed(storage):
    torch = pytest.importorskip("torch")
    output = bound(formats.TorchOutput, storage)
    output.store({"w": torch.arange(1_000_000), "n": 3, "size": torch.Size([2]), "kind": torch.float16})
    loaded = output.load(map_location="cpu")
    loaded["w"][0] = 7
    assert (loaded["n"], loaded["size"], loaded["kind"]) == (3, torch.Size([2]), torch.float16)
    assert output.load()["w"][0] == 0
    assert output.load(map_location="meta")["w"].device.type == "meta"
    assert asyncio.run(output.aload(map_location="cpu"))["w"][-1] == 999_999


def test_what_pytorch_could_not_load_is_refused(storage):
    torch = pytest.importorskip("torch")
    output = bound(formats.TorchOutput, storage)
    for value, message in (
        (torch.nn.Linear(2, 2), r"it is a whole module; store its state_dict\(\)"),
        ({"model": [torch.nn.Linear(2, 2)]}, r"it holds torch\.nn\.modules\.linear\.Linear, which could not be loaded"),
        ({"path": os.stat_result(range(10))}, "it holds os.stat_result, which could not be loaded with weights_only"),
    ):
        with pytest.raises(EncodingError, match=message):
            output.store(value)
        assert not output.exists()
    anything = bound(formats.TorchOutput, storage, weights_only=False)
    anything.store(torch.nn.Linear(2, 2))
    assert isinstance(anything.load(), torch.nn.Linear)
    with pytest.raises(DecodingError):
        output.load()


def test_a_state_dict_is_stored_without_a_copy_in_memory(local):
    """Nothing is tried beforehand of what can be loaded in any case: parameters, buffers, plain data."""
    torch = pytest.importorskip("torch")
    model = torch.nn.Sequential(torch.nn.Linear(300, 300), torch.nn.BatchNorm1d(300))
    output = bound(formats.TorchOutput, local)
    optimizer = torch.optim.Adam(model.parameters())
    output.store(
        {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "parameters": list(model.parameters())}
    )
    again = torch.nn.Sequential(torch.nn.Linear(300, 300), torch.nn.BatchNorm1d(300))
    again.load_state_dict(output.load()["model"])
    assert all(torch.equal(one, other) for one, other in zip(model.parameters(), again.parameters(), strict=True))


# -- JSON


def test_json_that_keeps_what_is_no_number(storage):
    output = bound(formats.JSONNaNOutput, storage)
    output.store({"loss": [1.0, float("nan"), float("inf")]})
    assert repr(output.load()) == "{'loss': [1.0, nan, inf]}"
    output.remove()
    for value, message in (({1: 2}, "a key of the value is 1"), ((1,), r"would come back as \[1\]"), (b"1", "a bytes")):
        with pytest.raises(EncodingError, match=message):
            output.store(value)
        assert not output.exists()
    with pytest.raises(EncodingError, match="use JSONNaNOutput"):
        bound(formats.JSONOutput, storage).store(float("nan"))


# -- files that are removed just before they are read


@dataclass(frozen=True, init=False)
class Dropping(CacheStorage):
    """A cache that needs the room of each copy as soon as it has named the file."""

    def local_path(self, key: str) -> str | None:
        path = super().local_path(key)
        assert path is not None
        os.unlink(path)
        return path


def test_a_file_that_a_cache_drops_before_it_is_read(tmp_path):
    far = LocalStorage(tmp_path / "far")
    cache = Dropping(far, tmp_path / "cache")
    cache.prepare()
    np, pa, pl = map(pytest.importorskip, ("numpy", "pyarrow", "polars"))
    numbers = list(range(300_000))
    for format, value in (
        (formats.NumpyOutput, np.array(numbers)),
        (formats.ArrowOutput, pa.table({"n": numbers})),
        (formats.ParquetOutput, pa.table({"n": numbers})),
        (formats.PolarsOutput, pl.DataFrame({"n": numbers})),
    ):
        bound(format, far).store(value)
        found = bound(format, cache).load()
        assert np.array_equal(found, value) if format is formats.NumpyOutput else found.equals(value)
        bound(format, far).remove()


def test_a_file_that_is_removed_before_it_is_read(local):
    np, pl = map(pytest.importorskip, ("numpy", "polars"))

    class Removing(PrefixStorage):
        def local_path(self, key: str) -> str | None:
            path = super().local_path(key)
            self.remove_many([key])
            return path

    storage = Removing(local, "part")
    for format, value in ((formats.NumpyOutput, np.zeros(300_000)), (formats.PolarsOutput, pl.DataFrame({"n": [1]}))):
        output = bound(format, storage)
        output.store(value)
        with pytest.raises(OutputNotFound):
            output.load()
