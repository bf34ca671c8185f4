"""Arrays: mapped where that pays, never to be written to, and no pickles."""

import io

import pytest

from alexflow import LocalStorage, MemoryStorage
from alexflow.errors import DecodingError, EncodingError
from alexflow.formats.numpy import MAPPED_FROM
from tests.formats.values import Made

np = pytest.importorskip("numpy")

LARGE = np.arange(MAPPED_FROM // 8 + 1, dtype=np.float64)


@pytest.fixture
def output(storage):
    return Made("NumpyOutput").output().assign_storage(storage)


@pytest.mark.parametrize(
    "array",
    [
        LARGE,
        LARGE[:10],
        LARGE[::2],
        LARGE[: 2 * (len(LARGE) // 2)].reshape(2, -1).T,
        LARGE[: 2 * (len(LARGE) // 2)].reshape(2, -1, order="F"),
        np.zeros((0, 3)),
        np.array(7, dtype=np.int8),
        np.array(["a", "bé"]),
        np.array([(1, 2.5)], dtype=[("a", "<i4"), ("b", "<f8")]),
        np.array(["2026-01-01"], dtype="datetime64[D]"),
        np.arange(3, dtype=">i4"),
    ],
    ids=lambda array: f"{array.shape}-{array.dtype}",
)
def test_any_array(output, array):
    output.store(array)
    loaded = output.load()
    assert type(loaded) is np.ndarray
    assert loaded.dtype == array.dtype
    assert loaded.shape == array.shape
    assert np.array_equal(loaded, array)
    assert not loaded.flags.writeable


@pytest.mark.parametrize("array", [LARGE, LARGE[:3]], ids=["large", "small"])
def test_read_only_whether_it_is_mapped_or_not(output, array):
    output.store(array)
    loaded = output.load()
    with pytest.raises(ValueError, match="read-only"):
        loaded[0] = 1
    loaded = loaded.copy()
    loaded[0] = 7
    assert output.load()[0] == 0


def mapped(array) -> bool:
    while array is not None and not isinstance(array, np.memmap):
        array = getattr(array, "base", None)
    return array is not None


def test_large_ones_are_mapped_where_there_is_a_file(output):
    output.store(LARGE)
    assert mapped(output.load()) == isinstance(output.storage, LocalStorage)
    output.remove()
    output.store(LARGE[:10])
    assert not mapped(output.load())


def test_a_mapped_array_outlives_its_output(local):
    output = Made("NumpyOutput").output().assign_storage(local)
    output.store(LARGE)
    loaded = output.load()
    output.remove()
    assert np.array_equal(loaded, LARGE)


@pytest.mark.parametrize("name", ["NumpyOutput", "NpzOutput"])
@pytest.mark.parametrize(
    "array", [np.array([{}], dtype=object), np.ma.masked_array([1], [True]), [1, 2]], ids=["objects", "masked", "list"]
)
def test_what_is_no_plain_array(storage, name, array):
    output = Made(name).output().assign_storage(storage)
    with pytest.raises(EncodingError):
        output.store({"a": array} if name == "NpzOutput" else array)
    assert list(storage.list()) == []


def test_a_pickle_in_the_place_of_an_array(storage):
    output = Made("NumpyOutput").output().assign_storage(storage)
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}], dtype=object), allow_pickle=True)
    storage.write(output.key, buffer.getvalue())
    with pytest.raises(DecodingError, match="allow_pickle=False"):
        output.load()


def test_an_archive_is_numpys_own(storage):
    for compressed in (False, True):
        output = Made("NpzOutput").build_output(
            type(Made("NpzOutput").output()), f"{compressed}", compressed=compressed
        )
        output = output.assign_storage(storage)
        output.store({"a": LARGE, "b": LARGE[:2]})
        with output.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            assert np.array_equal(archive["a"], LARGE)
            assert set(archive) == {"a", "b"}
    sizes = {key.rpartition(".")[2]: storage.size(key) for key in storage.list()}
    assert sizes["True"] < sizes["False"] / 2


def test_an_archive_that_numpy_wrote(storage):
    output = Made("NpzOutput").output().assign_storage(storage)
    with output.open("wb") as file:
        np.savez_compressed(file, a=LARGE)
    assert np.array_equal(output.load()["a"], LARGE)


def test_memory_is_bounded_by_the_array_itself(tmp_path):
    """It is not bytes in memory as well."""
    import tracemalloc

    array = np.zeros(8 * 1024 * 1024)
    output = Made("NumpyOutput").output().assign_storage(LocalStorage(tmp_path))
    tracemalloc.start()
    try:
        output.store(array)
        assert tracemalloc.get_traced_memory()[1] < array.nbytes / 2
    finally:
        tracemalloc.stop()
    assert MemoryStorage().local_path("a") is None
