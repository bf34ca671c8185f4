"""Whether what was given as a storage is one."""

from __future__ import annotations

import os

from alexflow.arguments import wrong_argument
from alexflow.errors import UnknownStorage
from alexflow.hooks import plain_text, repr_of
from alexflow.storage.interface import Storage


def check_storage(given: object, taker: str) -> None:
    """Refuse what is no storage.

    Args:
        given: what was given as one.
        taker: what takes it, for the message.

    Raises:
        UnknownStorage: it is a path or URL, which ``open_storage`` opens, or something else.
    """
    if isinstance(given, Storage):
        return
    shown = plain_text(repr_of(given))
    raise UnknownStorage(f"{taker} takes a storage, not {shown}; open_storage({shown}) makes one of a path or URL")


def check_path(name: str, path: object) -> None:
    """Refuse what is no path of a directory.

    Raises:
        UnknownStorage: it is none, or one of bytes.
    """
    if not isinstance(path, str | os.PathLike) or not isinstance(os.fspath(path), str):
        raise wrong_argument(name, path, "a path, such as 'results'", UnknownStorage)
