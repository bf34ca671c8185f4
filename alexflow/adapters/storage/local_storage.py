"""Import path of alexflow 1.x."""

from alexflow.legacy.moved import moved
from alexflow.legacy.storage import LocalStorage

__all__ = ["LocalStorage"]

moved(__name__, "alexflow")
