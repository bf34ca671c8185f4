"""Executors by name and by URL: ``dask://HOST:PORT``, ``ray``, and what other packages add.

A package adds one by an entry point of the group ``alexflow.executors``. Its name is the URL's scheme, and it stands
for something that is called with what comes after ``://``, or with an empty text where only the name is given, and
returns an executor::

    [project.entry-points."alexflow.executors"]
    batch = "my_package:executor_at"

Entry points are looked for when an engine is given a name that alexflow does not have, and at no other time, so that
none costs a program that does not ask for it.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib.metadata import entry_points

from alexflow.errors import DefinitionError
from alexflow.executors.interface import Executor
from alexflow.hooks import repr_of, text_of

#: The group of entry points that are executors.
EXECUTOR_GROUP = "alexflow.executors"


def executor_at(name: str) -> Executor:
    """Return the executor that a name or a URL stands for.

    ``agents://0.0.0.0:7788`` listens there for agents; ``dask://host:8786`` is a Dask scheduler; ``ray://host:10001``
    a Ray cluster, ``ray://auto`` that of which this machine is a node, and ``ray`` the same, or a new one.

    Raises:
        DefinitionError: it stands for none, or that cannot be made.
    """
    scheme, _, rest = name.partition("://")
    make = _OURS.get(scheme) or _added(scheme)
    if make is None:
        raise DefinitionError(
            f"{name!r} names no executor; use dask://host:8786, ray://host:10001 or agents://host:port, "
            f"or install the package that has {scheme!r} among its entry points {EXECUTOR_GROUP!r}"
        )
    made = make(rest)
    if not isinstance(made, Executor):
        raise DefinitionError(f"{name!r} is not an executor: its entry point has made {repr_of(made)}")
    return made


def is_executor(name: str) -> bool:
    """Return whether a name, or a URL's scheme, stands for an executor."""
    return name in _OURS or bool(entry_points(group=EXECUTOR_GROUP, name=name))


def _added(scheme: str) -> Callable[[str], Executor] | None:
    """Return what a package has added under this name; None if none has."""
    for found in entry_points(group=EXECUTOR_GROUP, name=scheme):
        try:
            make: Callable[[str], Executor] = found.load()
        except Exception as error:  # whatever importing it raises
            raise DefinitionError(
                f"the executor {scheme!r} cannot be loaded from {found.value}: {type(error).__name__}: {text_of(error)}"
            ) from error
        return make
    return None


# Each imports its module when it is first needed.


def _agents(rest: str) -> Executor:
    from alexflow.cluster.executor import AgentExecutor

    return AgentExecutor(rest) if rest else AgentExecutor()


def _dask(rest: str) -> Executor:
    from alexflow.cluster.dask import DaskExecutor

    if not rest:
        raise DefinitionError("executor='dask' names no scheduler; use its address, such as 'dask://host:8786'")
    return DaskExecutor(rest)


def _ray(rest: str) -> Executor:
    from alexflow.cluster.ray import RayExecutor

    return RayExecutor(rest if rest == "auto" else f"ray://{rest}" if rest else None)


_OURS: dict[str, Callable[[str], Executor]] = {"agents": _agents, "dask": _dask, "ray": _ray}
