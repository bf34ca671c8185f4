"""From an address to a file system of fsspec's, never one from its cache."""

from __future__ import annotations

from typing import Any

import fsspec

from alexflow.errors import StorageError, UnknownStorage
from alexflow.storage.remote.address import Address
from alexflow.storage.remote.backend_errors import told

#: The extra of alexflow's that brings the back end of a protocol.
EXTRAS = {
    "s3": "s3",
    "s3a": "s3",
    "gs": "gcs",
    "gcs": "gcs",
    "az": "azure",
    "abfs": "azure",
    "abfss": "azure",
    "sftp": "sftp",
    "ssh": "sftp",
    "webdav": "webdav",
    "webdavs": "webdav",
    "dav": "webdav",
    "davs": "webdav",
}

#: What fsspec can read from and not write to.
_READ_ONLY = frozenset({"http", "https", "data", "git", "github", "gist", "jupyter", "reference", "zip", "tar"})

#: WebDAV is HTTP under another name.
_HTTP = {"webdav": "http", "dav": "http", "webdavs": "https", "davs": "https"}

#: fsspec gives its instances out again, and they would hold on to an event loop that has ended.
_UNSHARED = {"skip_instance_cache": True}


def check_protocol(address: Address) -> None:
    """See that somebody knows the protocol, without importing its back end.

    Raises:
        UnknownStorage: nobody does.
    """
    known = address.protocol in EXTRAS or address.protocol in fsspec.available_protocols()
    if not known or address.protocol in _READ_ONLY:
        raise UnknownStorage(
            f"no storage is known for {address.protocol}:// in {address.shown!r}; use a directory, file://, memory://, "
            f"s3://, gs://, az://, sftp://, webdav://, or another URL that fsspec knows"
        )


def check_client(address: Address, client: str) -> None:
    """See that a client that is asked for by name can be told what the address says, without importing it.

    Raises:
        UnknownStorage: it cannot.
    """
    if client != "obstore":
        raise UnknownStorage(f"client of {address.shown} may be 'obstore', and not {client!r}")
    from alexflow.storage.remote.backends import s3_obstore  # deferred: few ask for it

    s3_obstore.check(address)


def load_all(address: Address, client: str | None) -> None:
    """Load what a storage needs, which takes a second the first time.

    Raises:
        UnknownStorage: something is not installed.
    """
    load(address)
    if client is not None:
        from alexflow.storage.remote.backends import s3_obstore  # deferred, as above

        s3_obstore.load(address)


def load(address: Address) -> Any:
    """The class of its file system; takes a second the first time.

    Raises:
        UnknownStorage: there is none, or its package is not installed.
    """
    extra = EXTRAS.get(address.protocol)
    try:
        if address.protocol in _HTTP:
            from webdav4.fsspec import WebdavFileSystem  # deferred: comes with an extra

            return WebdavFileSystem
        if extra == "sftp":
            from fsspec.implementations.sftp import SFTPFileSystem  # deferred, as above

            return SFTPFileSystem
        return fsspec.get_filesystem_class(address.protocol)
    except ImportError as error:
        need = f'pip install "alexflow[{extra}]"' if extra else "install what it needs"
        raise UnknownStorage(f"{address.shown} needs a package that is not installed ({error}); {need}") from None


def provide(address: Address, **options: Any) -> tuple[Any, str]:
    """A file system of its own, and the storage's root in it, without a slash at its end.

    Args:
        address: where.
        options: added to the address's.

    Raises:
        UnknownStorage: it cannot be made as described.
    """
    cls = load(address)
    options = {**_UNSHARED, **address.options, **options}
    try:
        if address.protocol in _HTTP:
            fs, root = _webdav(cls, address, options)
        else:
            fs, root = _by_url(cls, address, options)
    except StorageError:
        raise
    except (OSError, EOFError):  # the way to the server
        raise
    except Exception as error:  # a back end's own check of its options: whatever it raises, it is about them
        raise UnknownStorage(f"cannot open {address.shown}: {address.redact(told(error))}") from None
    return fs, root.rstrip("/")


def _by_url(cls: Any, address: Address, options: dict[str, Any]) -> tuple[Any, str]:
    parsed = cls._get_kwargs_from_urls(address.url)  # what fsspec's own url_to_fs asks for
    root: str = cls._strip_protocol(address.url)
    return cls(**{**parsed, **options}), root


def _webdav(cls: Any, address: Address, options: dict[str, Any]) -> tuple[Any, str]:
    if address.user:
        options.setdefault("auth", (address.user, address.password))
    base = options.pop("base_url", None)
    if base is not None:
        return cls(base, **options), address.rest.partition("/")[2]
    host, _, path = address.rest.partition("/")
    return cls(f"{_HTTP[address.protocol]}://{host}", **options), path
