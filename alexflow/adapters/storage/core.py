"""Import path of alexflow 1.x."""

from alexflow.errors import OutputNotFound as NotFound
from alexflow.errors import StorageError
from alexflow.legacy.moved import moved
from alexflow.legacy.storage import Dir, File, copy_file
from alexflow.storage import Storage

__all__ = ["Dir", "File", "NotFound", "Storage", "StorageError", "copy_file"]

moved(__name__, "alexflow.legacy.storage and alexflow.errors")
