"""Import path of alexflow 1.x."""

from alexflow.legacy.gjson import Encoder, dump, load
from alexflow.legacy.moved import moved

__all__ = ["Encoder", "dump", "load"]

moved(__name__, "alexflow.legacy.gjson")
