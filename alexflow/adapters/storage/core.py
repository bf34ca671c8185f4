"""Import path of alexflow 1.x."""

from alexflow.legacy.core import *
from alexflow.legacy.moved import moved
from alexflow.legacy.storage import *

moved(__name__, "alexflow.legacy.storage and alexflow.errors")
