"""Import path of alexflow 1.x."""

from alexflow.formats import H5FileOutput
from alexflow.legacy.moved import moved

__all__ = ["H5FileOutput"]

moved(__name__, "alexflow.formats")
