"""Import path of alexflow 1.x."""

from alexflow.legacy.moved import moved
from alexflow.legacy.prediction import *

moved(__name__, "alexflow.legacy")
