"""The executors that an engine is given, and the names that classes of tasks have for them."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from alexflow.engine.executor_choice import ExecutorChoice, check_executor
from alexflow.errors import DefinitionError
from alexflow.executors.interface import Executor
from alexflow.hooks import a_thing
from alexflow.model.executor_kinds import EXECUTOR_KINDS, ExecutorKind


class Placement(Struct, frozen=True):
    """The executors on which an engine runs plain ``def run``.

    Attributes:
        default: the engine's name for the executor of tasks whose class names none.
        given: executors that it was given, by the engine's names for them.
        roles: names that classes use, with the engine's name for the executor.
        kinds: all executors that it has, by name.
    """

    default: str
    given: dict[str, Executor]
    roles: dict[str, str]
    kinds: dict[str, ExecutorKind]


def place(executor: ExecutorChoice, executors: Mapping[str, ExecutorChoice] | None) -> Placement:
    """Read an engine's ``executor`` and ``executors``.

    Raises:
        DefinitionError: one is no executor; the message names the keyword.
    """
    if executors is not None and not isinstance(executors, Mapping):
        raise DefinitionError(
            f"executors must be a dict from a name to an executor, such as {{'heavy': 'dask://host:8786'}}, "
            f"not {a_thing(type(executors).__qualname__)}"
        )
    given: dict[str, Executor] = {}
    default = _named(executor, "executor", given)
    roles: dict[str, str] = {}
    for role, choice in (executors or {}).items():
        if not isinstance(role, str) or not role.isidentifier() or role in (*EXECUTOR_KINDS, "dynamic"):
            raise DefinitionError(
                f"executors has a name that it cannot define: {role!r}; choose another, such as 'heavy'"
            )
        roles[role] = _named(choice, f"executors[{role!r}]", given)
    kinds = {**EXECUTOR_KINDS, **{name: each.kind for name, each in given.items()}}
    return Placement(default, given, roles, kinds)


def _named(choice: ExecutorChoice, keyword: str, given: dict[str, Executor]) -> str:
    """Return the engine's name for a choice; note the executor, if it is not one of those that every engine has."""
    check_executor(keyword, choice)
    if isinstance(choice, Executor):
        made = choice
    elif choice in EXECUTOR_KINDS:
        return choice
    else:
        from alexflow.cluster.urls import executor_at  # deferred: most engines run on their own machine

        made = executor_at(choice)
    for name, known in given.items():
        if known is made:
            return name
    name = made.kind.name
    while name in given or name in EXECUTOR_KINDS:
        name += "_"
    given[name] = made
    return name
