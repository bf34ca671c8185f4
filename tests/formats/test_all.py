"""Every format loads the stored value, shows nothing too early, and says which class opens it."""

import asyncio
import pickle
import subprocess
import sys

import pytest

import alexflow
from alexflow import LocalStorage, MemoryStorage, formats, legacy
from alexflow.errors import EncodingError, OutputNotFound
from tests.formats.values import EXAMPLES, OF_1X, RARE, Copied, Failed, Made, MadeOnLoop, equal, example
from tests.kit.stored_files import stored_files

pytest.importorskip("h5py")
pytest.importorskip("joblib")
pytest.importorskip("numpy")
pytest.importorskip("pandas")
pytest.importorskip("polars")
pytest.importorskip("pyarrow")
pytest.importorskip("safetensors")
pytest.importorskip("tables")

#: Those that can be made of anything: pickles, and what refuses by itself.
TAKES_ANYTHING = {"BinaryOutput", "JoblibOutput"}


def test_all_formats_have_an_example():
    classes = {name for name in (*formats.__all__, *OF_1X) if name.endswith("Output")}
    without = {"FileOutput", "DirectoryOutput", "HDF5Output", "H5FileOutput"}
    assert set(EXAMPLES) | RARE.keys() == classes - without


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_was_stored_is_loaded(storage, name):
    output = Made(name).output().assign_storage(storage)
    with pytest.raises(OutputNotFound):
        output.load()
    output.store(example(name))
    assert output.exists()
    assert equal(name, output.load())
    output.store(example(name))  # the first stays
    assert equal(name, output.load())
    output.remove()
    with pytest.raises(OutputNotFound):
        output.load()


@pytest.mark.parametrize("name", EXAMPLES)
def test_on_the_event_loop(storage, name):
    async def main():
        output = Made(name).output().assign_storage(storage)
        with pytest.raises(OutputNotFound):
            await output.aload()
        await output.astore(example(name))
        assert equal(name, await output.aload())

    asyncio.run(main())


@pytest.mark.parametrize("name", EXAMPLES)
def test_equal_values_give_equal_bytes(local, name):
    output = Made(name).output().assign_storage(local)
    output.store(example(name))
    once = local.read(output.key)
    output.remove()
    output.store(example(name))
    assert local.read(output.key) == once


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_is_stored_is_recorded(local, name):
    output = Made(name).output().assign_storage(local)
    output.store(example(name))
    assert local.examine(output.key).verdict == "good"


@pytest.mark.parametrize("name", sorted(set(EXAMPLES) - TAKES_ANYTHING))
def test_a_value_of_another_kind(storage, name):
    output = Made(name).output().assign_storage(storage)
    with pytest.raises(EncodingError, match=rf"value\.{name.lower()}: a function cannot be stored as {name}: "):
        output.store(lambda: 1)
    assert not output.exists()
    assert list(storage.list()) == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_what_a_task_reads_back_is_what_it_stored(local, name):
    transaction = alexflow.storage.Transaction(local)
    output = Made(name).output().assign_storage(transaction)
    output.store(example(name))
    assert equal(name, output.load())
    assert not Made(name).output().assign_storage(local).exists()


@pytest.mark.processes
def test_in_worker_processes(tmp_path):
    """All formats, stored by one worker and loaded by another."""
    targets = [Copied(Made(name).output()) for name in EXAMPLES]
    result = alexflow.run(targets, storage=LocalStorage(tmp_path / "storage"), workers=2)
    for name, output in zip(EXAMPLES, result.output, strict=True):
        assert equal(name, output.load())


def test_on_the_engines_loop(storage):
    targets = [MadeOnLoop(name) for name in EXAMPLES]
    result = alexflow.run(targets, storage=storage)
    for name, output in zip(EXAMPLES, result.output, strict=True):
        assert equal(name, output.load())


@pytest.mark.parametrize("executor", [pytest.param("process", marks=pytest.mark.processes), "thread"])
def test_what_fails_publishes_nothing(tmp_path, executor):
    storage = LocalStorage(tmp_path / "storage")
    targets = [Failed(name) for name in EXAMPLES]
    result = alexflow.run(targets, storage=storage, executor=executor, workers=2, on_error="continue")
    assert {error.error_type for error in result.failures} == {"ArithmeticError"}
    assert len(result.failures) == len(EXAMPLES)
    assert list(storage.list()) == []
    assert stored_files(tmp_path / "storage") == []


@pytest.mark.parametrize("name", EXAMPLES)
def test_outputs_travel(name):
    output = Made(name).output()
    assert pickle.loads(pickle.dumps(output)) == output
    assert alexflow.deserialize(alexflow.serialize(output)) == output


LIBRARIES = {
    "NumpyOutput": ("numpy", "numpy"),
    "NpzOutput": ("numpy", "numpy"),
    "SafetensorsOutput": ("safetensors", "safetensors"),
    "ParquetOutput": ("pyarrow", "parquet"),
    "ArrowOutput": ("pyarrow", "parquet"),
    "PandasOutput": ("pandas", "pandas"),
    "PolarsOutput": ("polars", "polars"),
    "JoblibOutput": ("joblib", "joblib"),
    "HDF5Output": ("h5py", "hdf5"),
    "H5FileOutput": ("tables", "hdfstore"),
}

WITHOUT = """
import sys
sys.modules[{library!r}] = None
from alexflow import MemoryStorage, formats
from alexflow.errors import MissingLibrary
from tests.formats.values import Made

output = Made({name!r}).output().assign_storage(MemoryStorage())
output.bound_storage.write(output.key, b"")
used = 0
for use in (lambda: output.store(1) if {values!r} else output.open().__enter__(), lambda: output.load().__enter__()):
    try:
        use()
    except MissingLibrary as error:
        assert str(error) == {told!r}, error
        used += 1
assert used == 2
"""


@pytest.mark.processes
@pytest.mark.parametrize("name", LIBRARIES)
def test_a_library_that_is_missing(name):
    library, extra = LIBRARIES[name]
    told = f'{library} is needed and not installed; pip install "alexflow[{extra}]"'
    code = WITHOUT.format(library=library, name=name, values=name in EXAMPLES, told=told)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.processes
def test_no_format_loads_its_library_before_it_is_used():
    code = (
        "import sys; from alexflow import formats; from tests.formats.values import Made\n"
        "for name in formats.__all__:\n"
        "    cls = getattr(formats, name)\n"
        "    if name.endswith('Output'): Made(name).output()\n"
        f"loaded = {{name for name, _ in {sorted(LIBRARIES.values())}}} & set(sys.modules)\n"
        "assert not loaded, loaded"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_base_without_a_format():
    for cls in (formats.FileOutput, legacy.DatasetOutput, legacy.PredictionOutput):
        output = Made(cls.__name__).build_output(cls, "value").assign_storage(MemoryStorage())
        with pytest.raises((TypeError, EncodingError), match=r"says nothing about (files|bytes)"):
            output.store(1)
