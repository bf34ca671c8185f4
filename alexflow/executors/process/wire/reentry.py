"""A module that runs a workflow when it is imported is refused in a process that only imports it.

A worker imports the modules of its tasks' classes, and a child that :mod:`multiprocessing` starts afresh runs the main
module again, as ``__mp_main__``. Would the module open an engine there, that one's workers would do the same again,
without end.
"""

from __future__ import annotations

import sys
from types import FrameType

from alexflow.errors import DefinitionError

#: Functions that run the code of a module for an import: of importlib, and of loaders that do it themselves.
_IMPORTING = frozenset({"_call_with_frames_removed", "exec_module"})


class Reentry:
    """The role of this process.

    Attributes:
        in_worker: whether it is a worker, or a fork of one.
        refused: why the last engine was refused; set back where that is reported.
        allowed: counts engines that were not.
    """

    def __init__(self) -> None:
        self.in_worker = False
        self.refused = ""
        self.allowed = 0

    def refuse(self) -> None:
        """Refuse to open an engine for a module that is being imported here.

        Raises:
            DefinitionError: one would be.
        """
        frame: FrameType | None = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_name == "<module>" and self._is_entered_again(frame):
                self.refused = (
                    f"module {_name_of(frame)} runs a workflow when it is imported, and worker processes import it "
                    f"({frame.f_code.co_filename}, line {frame.f_lineno}); "
                    f'put what runs the workflow below `if __name__ == "__main__":`'
                )
                raise DefinitionError(self.refused)
            frame = frame.f_back
        self.allowed += 1

    def _is_entered_again(self, module: FrameType) -> bool:
        if module.f_globals.get("__name__") == "__mp_main__":
            return True
        caller = module.f_back
        return self.in_worker and caller is not None and caller.f_code.co_name in _IMPORTING


def _name_of(module: FrameType) -> str:
    return str(module.f_globals.get("__name__"))


reentry = Reentry()
