"""Import path of alexflow 1.x."""

from alexflow.legacy.gjson import dump, load
from alexflow.legacy.moved import moved

__all__ = ["dump", "load"]

moved(__name__, "alexflow.legacy.gjson")
