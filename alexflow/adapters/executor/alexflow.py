"""Import path of alexflow 1.x."""

from alexflow.legacy.core import *
from alexflow.legacy.helper import *
from alexflow.legacy.moved import moved
from alexflow.legacy.running import *

moved(__name__, "alexflow.legacy, or call alexflow.run")
