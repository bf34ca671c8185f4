"""Import path of alexflow 1.x."""

from alexflow.legacy.coreml import *
from alexflow.legacy.dataset import *
from alexflow.legacy.moved import moved
from alexflow.legacy.prediction import *

moved(__name__, "alexflow.legacy, and give tasks an output() of their own")
