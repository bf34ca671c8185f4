"""Import path of alexflow 1.x."""

from alexflow.errors import ReadOnlyAccess
from alexflow.legacy.moved import moved
from alexflow.legacy.storage import CompositeStorage

__all__ = ["CompositeStorage", "ReadOnlyAccess"]

moved(__name__, "alexflow (OverlayStorage)")
