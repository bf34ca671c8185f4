"""Import path of alexflow 1.x."""

from alexflow.legacy.moved import moved
from alexflow.luigi.running import *

moved(__name__, "alexflow.luigi")
