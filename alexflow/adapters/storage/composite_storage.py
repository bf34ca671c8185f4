"""Import path of alexflow 1.x."""

from alexflow.errors import OutputNotFound as NotFound
from alexflow.errors import ReadOnlyAccess, StorageError
from alexflow.legacy.moved import moved
from alexflow.legacy.storage import CompositeStorage, File
from alexflow.storage import Storage

__all__ = ["CompositeStorage", "File", "NotFound", "ReadOnlyAccess", "Storage", "StorageError"]

moved(__name__, "alexflow.legacy, or use alexflow.storage.OverlayStorage")
