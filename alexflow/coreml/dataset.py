"""Import path of alexflow 1.x."""

from alexflow.legacy.dataset import *
from alexflow.legacy.moved import moved

moved(__name__, "alexflow.legacy")
