"""``HDF5Output`` and ``H5FileOutput``: files that are opened, not values that are stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, ExitStack, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Generic, NoReturn

from alexflow.errors import EncodingError
from alexflow.formats.libraries import need
from alexflow.model.output import Output
from alexflow.type_vars import T_co

if TYPE_CHECKING:
    import h5py
    import pandas as pd


class _HDF5(Output[AbstractContextManager[T_co]], Generic[T_co]):
    """A file that is read and written while it is open."""

    def load(self) -> AbstractContextManager[T_co]:
        """Open the stored file for reading in a ``with`` block.

        Raises:
            OutputNotFound: nothing is stored (when the block is entered).
            DecodingError: the stored data are no such file (likewise).
        """
        raise NotImplementedError

    def _opened(self, open: Callable[[], Any]) -> Any:
        try:
            return open()
        except Exception as error:  # a library may raise anything
            if not self._is_of_data(error):
                raise
            raise self._undecodable(error) from error

    async def aload(self) -> OpenedFile[T_co]:
        """:meth:`load`, opened in a thread: ``async with await output.aload() as file``. To read from it blocks."""
        from alexflow.storage.background import (
            in_thread,
        )  # deferred: it imports asyncio, which a worker process does not need

        opened = ExitStack()
        file = self.load()

        def enter() -> T_co:
            return opened.enter_context(file)

        return OpenedFile(await in_thread(enter), opened)

    def store(self, value: Any) -> NoReturn:
        """There is no value to store: write into :meth:`open`."""
        raise EncodingError(f"{self.key}: write into what is opened, `with output.open() as file: …`")

    async def astore(self, value: Any) -> NoReturn:
        """There is no value to store: write into :meth:`open`."""
        self.store(value)


class HDF5Output(_HDF5["h5py.File"]):
    """An HDF5 file, opened by h5py: ``with output.open() as file:`` to write, ``with output.load() as file:`` to read.

    Safe to share.
    """

    safe_to_share: ClassVar[bool] = True

    @contextmanager
    def open(self) -> Iterator[h5py.File]:  # type: ignore[override]  # it is no stream of bytes
        """A new file. It is stored when the ``with`` block is left, unless by an exception."""
        library = need("h5py", "hdf5")
        with self.path("w") as path, library.File(path, "w") as file:
            yield file

    @contextmanager
    def load(self) -> Iterator[h5py.File]:
        library = need("h5py", "hdf5")
        with self.path() as path, self._opened(lambda: library.File(path, "r")) as file:
            yield file


class H5FileOutput(_HDF5["pd.HDFStore"]):
    """Data frames in an HDF5 file, opened by pandas, as in alexflow 1.x: ``with output.open() as store:`` to write,
    ``with output.load() as store:`` to read.

    Load only what you trust: columns of objects are pickled.
    """

    @contextmanager
    def open(self, complevel: int = 1, complib: str = "blosc:zstd") -> Iterator[pd.HDFStore]:  # type: ignore[override]
        """A new file. It is stored when the ``with`` block is left, unless by an exception.

        Args:
            complevel: how hard to compress, from 0 to 9.
            complib: with what; as :class:`pandas.HDFStore` names it.
        """
        pandas = _pandas_with_tables()
        with self.path("w") as path, pandas.HDFStore(path, mode="w", complevel=complevel, complib=complib) as store:
            yield store

    @contextmanager
    def load(self) -> Iterator[pd.HDFStore]:
        pandas = _pandas_with_tables()
        with self.path() as path, self._opened(lambda: pandas.HDFStore(path, mode="r")) as store:
            yield store


def _pandas_with_tables() -> Any:
    need("tables", "hdfstore")
    return need("pandas", "hdfstore")


class OpenedFile(AbstractContextManager[T_co], AbstractAsyncContextManager[T_co]):
    """A file that is open already, and closed by ``async with``, or by ``with``."""

    def __init__(self, value: T_co, opened: ExitStack):
        self._value = value
        self._opened = opened

    def __enter__(self) -> T_co:
        return self._value

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._opened.close()

    async def __aenter__(self) -> T_co:
        return self._value

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        from alexflow.storage.background import in_thread  # deferred, as above

        await in_thread(self._opened.close)
