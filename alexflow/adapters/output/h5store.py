"""Import path of alexflow 1.x."""

from alexflow.legacy.hdf5 import *
from alexflow.legacy.moved import moved

moved(__name__, "alexflow.formats")
