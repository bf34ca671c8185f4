"""Import path of alexflow 1.x."""

from alexflow.coreml.dataset import *
from alexflow.coreml.prediction import *
from alexflow.coreml.tasks import *
from alexflow.legacy.moved import moved

moved(__name__, "alexflow.legacy, and give tasks an output() of their own")
