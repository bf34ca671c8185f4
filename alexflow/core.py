"""Import path of alexflow 1.x."""

from alexflow.legacy.core import *
from alexflow.legacy.moved import moved

moved(__name__, "alexflow.legacy, or from alexflow for ids of spec 2")
