"""The package's logger, for code that must continue even if a user's handler or filter raises."""

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
        kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1  # records name the caller, not this line
        try:
            super().log(level, msg, *args, **kwargs)
        except BaseException as error:
            if is_ctrl_c(error):
                raise


#: ``logging.getLogger("alexflow")``, without the exceptions that handlers and filters raise.
logger = _Guarded(logging.getLogger("alexflow"))
