"""Whatever a library makes of a full disk, a task fails with StorageFull, and nothing is stored."""

import pytest

from alexflow import LocalStorage
from alexflow.errors import StorageFull
from tests.faults.disks import small_disk
from tests.formats.values import Made

np = pytest.importorskip("numpy")
pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
pa = pytest.importorskip("pyarrow")
for library in ("h5py", "joblib", "safetensors", "tables"):
    pytest.importorskip(library)

NOISE = np.random.default_rng(0).normal(size=500_000)  # 4 MB that cannot be compressed

VALUES = {
    "BinaryOutput": NOISE,
    "BytesOutput": NOISE.tobytes(),
    "NumpyOutput": NOISE,
    "NpzOutput": {"a": NOISE},
    "SafetensorsOutput": {"a": NOISE},
    "ParquetOutput": pa.table({"a": NOISE}),
    "ArrowOutput": pa.table({"a": NOISE}),
    "PandasOutput": pd.DataFrame({"a": NOISE}),
    "PolarsOutput": pl.DataFrame({"a": NOISE}),
    "JoblibOutput": NOISE,
}

pytestmark = pytest.mark.processes  # those that mount a small disk


@pytest.fixture
def storage(tmp_path):
    with small_disk(tmp_path / "disk", "size=2m") as path:
        yield LocalStorage(path)


@pytest.mark.parametrize("name", VALUES)
def test_a_value(storage, name):
    with pytest.raises(StorageFull, match="No space left on device"):
        Made(name).output().assign_storage(storage).store(VALUES[name])
    assert list(storage.list()) == []


@pytest.mark.parametrize("name", ["HDF5Output", "H5FileOutput"])
def test_a_file(storage, name):
    output = Made(name).output().assign_storage(storage)

    def write() -> None:
        with output.open() as file:
            if name == "HDF5Output":
                file["x"] = NOISE
            else:
                file.put("x", pd.DataFrame({"a": NOISE}), track_times=False)

    with pytest.raises(StorageFull, match="No space left on device"):
        write()
    assert list(storage.list()) == []


def test_a_directory(storage, tmp_path):
    (tmp_path / "directory").mkdir()
    (tmp_path / "directory" / "file").write_bytes(NOISE.tobytes())
    with pytest.raises(StorageFull, match="No space left on device"):
        Made("DirectoryOutput").output().assign_storage(storage).store(tmp_path / "directory")
    assert list(storage.list()) == []
