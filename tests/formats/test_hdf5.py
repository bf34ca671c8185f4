"""Files that are opened: stored when they are left in peace."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

import alexflow
from alexflow import LocalStorage, Task, formats
from alexflow.errors import EncodingError, OutputNotFound
from alexflow.storage import Transaction
from tests.formats.values import Made, pandas_frame

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pytest.importorskip("h5py")
pytest.importorskip("tables")

FRAME = pd.DataFrame({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5]})


@dataclass(frozen=True)
class Written(Task):
    breaks_off: bool = False

    def output(self) -> Any:
        return self.build_output(formats.HDF5Output, "file.h5")

    def run(self, input: None, output: formats.HDF5Output) -> None:
        with output.open() as file:
            file["x"] = np.arange(10)
        if self.breaks_off:
            raise ArithmeticError


def test_h5py(storage):
    output = Made("HDF5Output").output().assign_storage(storage)
    with output.open() as file:
        file.create_dataset("x", data=np.arange(10), compression="gzip")
        file.attrs["unit"] = "s"
        assert not output.exists()
    with output.load() as file:
        assert file["x"][2:4].tolist() == [2, 3]
        assert file.attrs["unit"] == "s"
        with pytest.raises((OSError, KeyError, ValueError)):
            file["y"] = 1


def test_pandas_as_in_1x(storage):
    output = Made("H5FileOutput").output().assign_storage(storage)
    with output.open() as store:
        store.put("frame", FRAME, track_times=False)
        store.put("table", FRAME, format="table", track_times=False)
    with output.load() as store:
        pd.testing.assert_frame_equal(store["frame"], FRAME)
        assert store.select("table", where="index > 1")["a"].tolist() == [3]
    output.remove()
    with output.open(complevel=9, complib="zlib") as store:
        store.put("frame", pandas_frame()[["n", "x"]], track_times=False)
    with output.load() as store:
        assert len(store["frame"]) == len(pandas_frame())


@pytest.mark.parametrize("name", ["HDF5Output", "H5FileOutput"])
def test_what_is_left_by_an_exception(storage, name):
    output = Made(name).output().assign_storage(storage)
    with pytest.raises(ZeroDivisionError), output.open():
        raise ZeroDivisionError
    assert not output.exists()
    with pytest.raises(OutputNotFound), output.load():
        pass


@pytest.mark.parametrize("name", ["HDF5Output", "H5FileOutput"])
def test_there_is_no_value_to_store(storage, name):
    output = Made(name).output().assign_storage(storage)
    with pytest.raises(EncodingError, match=r"write into what is opened, `with output.open\(\) as file: …`"):
        output.store(FRAME)
    with pytest.raises(EncodingError, match="write into what is opened"):
        asyncio.run(output.astore(FRAME))


def test_on_the_event_loop(storage):
    output = Made("HDF5Output").output().assign_storage(storage)

    async def main():
        async with await output.aload() as file:
            assert file["x"][:].tolist() == [1]
        assert not file
        return await output.aload()

    with pytest.raises(OutputNotFound):
        asyncio.run(main())
    with output.open() as file:
        file["x"] = [1]
    with asyncio.run(main()) as file:
        assert file["x"][:].tolist() == [1]
    assert not file


def test_what_a_task_reads_back(local):
    transaction = Transaction(local)
    output = Made("HDF5Output").output().assign_storage(transaction)
    with output.open() as file:
        file["x"] = np.arange(100_000)
    with output.load() as file:
        assert len(file["x"]) == 100_000
    assert list(local.list()) == []
    transaction.publish_all()
    assert local.examine(output.key).verdict == "good"


@pytest.mark.processes
def test_in_worker_processes(tmp_path):
    storage = LocalStorage(tmp_path / "storage")
    result = alexflow.run([Written(), Written(breaks_off=True)], storage=storage, workers=1, on_error="continue")
    assert [error.error_type for error in result.failures] == ["ArithmeticError"]
    assert list(storage.list()) == [Written().output().key]
    with result.output[0].load() as file:
        assert file["x"][:].tolist() == list(range(10))
