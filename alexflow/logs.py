"""The package's logger, for code that must go on whatever a handler or filter of the user's does."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from typing import Any

from alexflow.hooks import is_ctrl_c


class _Guarded(logging.LoggerAdapter[logging.Logger]):
    """A logger whose methods never raise."""

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        return msg, kwargs

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1  # records are not from here
        try:
            super().log(level, msg, *args, **kwargs)
        except BaseException as error:
            if is_ctrl_c(error):
                raise


#: ``logging.getLogger("alexflow")``; what handlers and filters raise ends here.
logger = _Guarded(logging.getLogger("alexflow"))
