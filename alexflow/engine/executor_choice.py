"""The executors that an engine may be given."""

from __future__ import annotations

from alexflow.errors import DefinitionError
from alexflow.executors.interface import Executor
from alexflow.hooks import repr_of
from alexflow.model.executor_kinds import EXECUTOR_KINDS, name_choices

#: What ``executor=`` and each value of ``executors=`` may be: a name, a URL, or an executor.
ExecutorChoice = str | Executor


def check_executor(keyword: str, choice: object) -> None:
    """Check an engine's ``executor``, as far as that is seen without making one.

    Raises:
        DefinitionError: it is none.
    """
    if not isinstance(choice, Executor) and not (type(choice) is str and _is_executor(choice)):
        raise DefinitionError(
            f"{keyword} must be {name_choices('loop')}, a URL such as 'dask://host:8786', or an Executor, "
            f"not {repr_of(choice)}{_wrapped(choice)}"
        )


def _wrapped(choice: object) -> str:
    """Return what makes an executor of a Dask cluster or client."""
    is_of_dask = type(choice).__module__.partition(".")[0] in ("distributed", "dask_jobqueue", "dask_kubernetes")
    return "; alexflow.cluster.DaskExecutor(...) makes one of it" if is_of_dask else ""


def _is_executor(name: str) -> bool:
    """Whether a name or a URL stands for an executor, as far as that is seen without making one."""
    if "://" in name or name in EXECUTOR_KINDS:
        return name != "loop"
    from alexflow.cluster.urls import is_executor  # deferred: most engines are given none, or one of those above

    return is_executor(name)
