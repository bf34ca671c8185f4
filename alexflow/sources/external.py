"""``Source``: data that no task has made, as an output that is identified by its content."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NoReturn, overload

from alexflow.arguments import check_argument, wrong_argument
from alexflow.errors import DecodingError, DefinitionError, ReadOnlyAccess, StorageError
from alexflow.formats.text import BytesOutput
from alexflow.model import AbstractTask, Output
from alexflow.model.construction import finish_construction
from alexflow.sources.chosen_files import IGNORE, ONLY, ChosenFiles, patterns_of
from alexflow.sources.content import Content
from alexflow.sources.digest_cache import cached_digest
from alexflow.sources.location import Location, location_of
from alexflow.sources.secrets import URL_OPTION, shown
from alexflow.storage import Storage
from alexflow.storage.background import in_thread
from alexflow.type_vars import T, T_co


@dataclass(frozen=True)
class Known(AbstractTask):
    """The task behind a source: data with a known digest. It is never run.

    Attributes:
        digest: BLAKE2b-160 of the content.
    """

    digest: str


def _left_out(options: Mapping[str, Any]) -> dict[str, Any]:
    """The options that a document has: the choice of files, and no others, as its reader has credentials of its own."""
    return {name: options[name] for name in (ONLY, IGNORE) if name in options}


@dataclass(frozen=True, eq=False, repr=False)
class Source(Output[T_co]):
    """Data that no task has made, usable wherever an output is. :func:`source` makes one.

    Its identity is its content: the ids of tasks that take it change when the data change, not when they are moved. It
    exists without being stored, is read at its location, and is compared with its digest while it is read: for changed
    data :meth:`load`, :meth:`open`, :meth:`path` and their awaitable forms raise
    :class:`~alexflow.errors.SourceChanged`.

    Attributes:
        url: its location, without a password or a signature.
        stamp: size and time of the data, as the location gave them when the digest was computed.
        format: the format in which the bytes are read.
        options: options of the file system behind the URL, and as ``url`` the URL itself if it has secrets; they are
            not part of ids, nor shown, nor in documents. Of a directory, the patterns that choose its files, which are
            in documents.
    """

    url: str = field(default="", compare=False)
    stamp: str = field(default="", compare=False)
    format: type[Output[Any]] = field(default=BytesOutput, compare=False)
    options: Mapping[str, Any] = field(
        default_factory=dict, compare=False, metadata={"encode": _left_out, "decode": dict}
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.url != shown(self.url):
            self.__dict__.update(url=shown(self.url), options={URL_OPTION: self.url, **self.options})

    def __repr__(self) -> str:
        return f"<Source {self.url}>"

    def physical_key_list(self) -> list[str]:
        """No keys: a source is not made, and is in no storage."""
        return []

    @property
    def bound_storage(self) -> Storage:
        """The content as a read-only storage."""
        digest: str = self.key.rpartition(".")[2]
        if not self.url:  # it was made from a record
            text = "the record does not say where it is; run the program that makes it with source(...)"
            raise StorageError(f"the source with the digest {digest} cannot be read: {text}")
        return Content(self.url, self.options, digest, self.stamp)

    def load(self) -> T_co:
        """Load the value in the source's format.

        Raises:
            DecodingError: the data cannot be read in the format.
            SourceChanged: the data have changed.
            SourceNotFound: the data do not exist any more.
        """
        try:
            value: T_co = self._formatted().load()
        except DecodingError as error:
            raise self._undecoded(error) from error.__cause__
        return value

    async def aload(self) -> T_co:
        """:meth:`load`, for ``async def run``."""
        try:
            value: T_co = await self._formatted().aload()
        except DecodingError as error:
            raise self._undecoded(error) from error.__cause__
        return value

    def _undecoded(self, error: DecodingError) -> DecodingError:
        return DecodingError(self.url, error.format, error.trouble)

    def store(self, value: Any) -> NoReturn:
        """Refuse to store anything: a source is only read.

        Raises:
            ReadOnlyAccess: always.
        """
        raise ReadOnlyAccess([self.url], "a source")

    async def astore(self, value: Any) -> NoReturn:
        """:meth:`store`, for the event loop."""
        self.store(value)

    def _formatted(self) -> Output[Any]:
        output = object.__new__(self.format)
        output.__dict__.update(key=self.key, storage=self.bound_storage, _output_id=self.key)
        finish_construction(output)
        return output


@overload
def source(url: str | os.PathLike[str], format: None = None, **options: Any) -> Source[bytes]: ...


@overload
def source(url: str | os.PathLike[str], format: type[Output[T]], **options: Any) -> Source[T]: ...


def source(url: str | os.PathLike[str], format: type[Output[Any]] | None = None, **options: Any) -> Source[Any]:
    """Make an output of data that no task has made.

    The data are read once to compute their digest, which is cached in the user's cache directory as long as size, time
    and etag stay the same. ::

        Train(source("data/train.csv"))                     # input.load() gives bytes, input.path() the file
        Train(source("s3://bucket/x.parquet", PandasOutput))  # input.load() gives a frame

    Args:
        url: a file, a directory (for ``path()`` only), or any URL that fsspec knows.
        format: the format for ``load()``; by default it gives the bytes.
        options: options of fsspec's file system. They are in no document and no text, and neither are a password or a
            signature in the URL. For a directory, ``only`` and ``ignore``: a pattern, such as ``"*.csv"``, or a list of
            them, for names of files and directories, or with a slash for paths in it. Its digest is then that of the
            files that are chosen; ``path()`` gives the whole directory.

    Raises:
        SourceNotFound: there are no such data.
        DefinitionError: ``only`` or ``ignore`` is no pattern, chooses no file, or is given for what is no directory; or
            an argument is none that a source has.
        StorageError: the data cannot be read.
    """
    check_argument("the url of a source", url, (str, os.PathLike), "a path or a URL")
    if not url or not isinstance(os.fspath(url), str):
        raise wrong_argument("the url of a source", url, "a path or a URL")
    if format is not None and not (isinstance(format, type) and issubclass(format, Output)):
        raise wrong_argument("the format of a source", format, "a class of outputs, such as JSONOutput")
    patterns = {name: patterns_of(name, options[name]) for name in (ONLY, IGNORE) if name in options}
    location = location_of(url, options | patterns)
    if location.path is not None and (unknown := options.keys() - patterns.keys()):
        raise DefinitionError(
            f"source({location.url!r}) takes no {min(unknown)}=: of a directory only= and ignore= choose files, and "
            f"other options are for what is elsewhere"
        )
    if patterns:
        _check_choice(location, patterns)
        options = {**options, **patterns}
    found, stamp = cached_digest(location)
    task = Known(found.digest)
    key = f"{task.task_id}.{found.digest}"
    return Source(
        src_task=task, key=key, url=location.full_url, stamp=stamp, format=format or BytesOutput, options=options
    )


def _check_choice(location: Location, patterns: Mapping[str, list[str]]) -> None:
    if location.path is None or not location.is_directory:
        names = " and ".join(f"{name}=" for name in patterns)
        raise DefinitionError(
            f"{names}: patterns choose files of a directory, and {location.url} is none on this machine"
        )
    if next(ChosenFiles(patterns).of(location.path), None) is None:
        given = ", ".join(f"{name}={value!r}" for name, value in patterns.items())
        raise DefinitionError(f"{given}: that chooses no file of {location.url}")


async def asource(url: str | os.PathLike[str], format: type[Output[Any]] | None = None, **options: Any) -> Source[Any]:
    """:func:`source`, for the event loop."""
    made: Source[Any] = await in_thread(lambda: source(url, format, **options))
    return made
