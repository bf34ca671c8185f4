"""Import path of alexflow 1.x."""

from alexflow.errors import OutputNotFound as NotFound
from alexflow.legacy.moved import moved
from alexflow.legacy.storage import File, LocalStorage
from alexflow.storage import Storage

__all__ = ["File", "LocalStorage", "NotFound", "Storage"]

moved(__name__, "alexflow.legacy, or from alexflow for the methods of today")
