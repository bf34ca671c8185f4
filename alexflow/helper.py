"""Import path of alexflow 1.x."""

from alexflow.legacy.core import *
from alexflow.legacy.helper import *
from alexflow.legacy.moved import moved

moved(__name__, "alexflow.legacy.helper, or use the methods of outputs")
