"""The keywords of :class:`~alexflow.Engine`, for the functions that pass them on.

:class:`Engine`'s signature documents them and has their defaults: ``help(Engine)`` shows them, and Python itself
refuses an unknown one. ``arun`` and ``run`` declare them by the types of :mod:`alexflow.engine.keywords`, so that type
checkers and editors know them there, too. A test compares the lists.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Literal

from alexflow.arguments import check_argument, check_bool, check_positive, check_seconds, check_whole, wrong_argument
from alexflow.errors import DefinitionError
from alexflow.hooks import repr_of
from alexflow.model import Retry
from alexflow.model.executor_kinds import EXECUTOR_KINDS, name_choices

if TYPE_CHECKING:  # a run that has nothing to do needs none of them
    from alexflow.executors.workers import Workers
    from alexflow.limits import Queue, RateLimit

#: The highest priority of a request, and, negated, the lowest.
MOST_URGENT = 1_000_000

#: As the scheduler has it, which a run that has nothing to do does not import.
OnError = Literal["stop", "continue"]

#: The keywords of :class:`~alexflow.Engine` besides a storage and ``echo``.
ENGINE_OPTIONS = frozenset(
    {
        *("workers", "limits", "devices", "max_concurrency", "executor", "executors", "retry", "timeout"),
        *("max_deaths", "grace", "lease_ttl", "record", "memory_cache", "queue", "carry"),
    }
)

#: The keywords of :func:`~alexflow.run` besides a target, ``progress`` and ``echo``.
RUN_OPTIONS = ENGINE_OPTIONS | {"storage", "on_error", "force", "attributes", "html"}

#: The keywords of a request for values, and those of a load or a stream.
REQUEST_KEYWORDS = frozenset({"attributes", "priority", "fairness_key", "max_wait"})
LOAD_KEYWORDS = REQUEST_KEYWORDS | {"max_age", "stale_while_revalidate"}

#: Keywords that users of other versions and engines try, and those that are meant.
_MEANT = {
    "n_jobs": "workers",
    "resources": "limits",
    "recycle": "workers=Workers(recycle=...)",
    "retries": "retry=Retry(...)",
    "retry_delay": "retry=Retry(..., delay=...)",
}


def check_keywords(function: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse unknown keywords where they are given, by the name of the function that was called.

    Raises:
        TypeError: a keyword is unknown; the message names one that may be meant.
    """
    known = set(known)
    for name in given:
        if name not in known:
            raise TypeError(f"{function}() got an unexpected keyword argument {name!r}{_hint(name, known)}")


def _hint(name: str, known: Iterable[str]) -> str:
    from difflib import get_close_matches  # deferred: only for this message

    meant = _MEANT.get(name) or next(iter(get_close_matches(name, known, 1)), "")
    return f"; did you mean {meant}?" if meant else ""


def check_on_error(on_error: object) -> None:
    """Check the keyword of a request.

    Raises:
        DefinitionError: it is something else.
    """
    if on_error not in ("stop", "continue"):
        raise wrong_argument("on_error", on_error, "'stop' or 'continue'")


def check_shown(progress: object, echo: object) -> None:
    """Check the keywords that say what a run shows.

    Raises:
        DefinitionError: one is something else.
    """
    if progress is not None and not isinstance(progress, bool):
        raise wrong_argument("progress", progress, "True, False or None")
    check_bool("echo", echo)


def as_attributes(attributes: object) -> dict[str, Any]:
    """Check a request's ``attributes``.

    Raises:
        DefinitionError: they are no dict from text to text, numbers, bools and None.
    """
    if attributes is None:
        return {}
    if not isinstance(attributes, Mapping):
        raise wrong_argument("attributes", attributes, "a dict, such as {'request_id': '17'}")
    for name, value in attributes.items():
        if type(name) is not str or not (value is None or type(value) in (str, int, float, bool)):
            raise DefinitionError(
                f"attributes[{repr_of(name)}] must be a text, a number, a bool or None, and its name a text; "
                f"it is {repr_of(value)}"
            )
    return dict(attributes)


def check_request(function: str, given: Mapping[str, Any], known: Iterable[str]) -> None:
    """Check the keywords of a request before anything is asked for, by the name of the function that was called.

    Raises:
        TypeError: a keyword is unknown.
        DefinitionError: a value is invalid.
    """
    check_keywords(function, given, known)
    as_attributes(given.get("attributes"))
    check_urgency(given.get("priority"), given.get("fairness_key", ""), given.get("max_wait"))
    for name in ("max_age", "stale_while_revalidate"):
        check_seconds(name, given.get(name))


def check_values(values: Mapping[str, Any]) -> None:
    """Check the values of keywords; one that is not given has its default.

    Raises:
        DefinitionError: one is none that an engine can use; the message names it.
    """
    limits, _ = as_limits(values.get("limits"))
    as_devices(values.get("devices"))
    check_whole("max_concurrency", values.get("max_concurrency", 1))
    for tag, limit in limits.items():
        check_whole(f"limits[{tag!r}]", limit)
    check_whole("max_deaths", values.get("max_deaths", 0), 0)
    retry, timeout, ttl = values.get("retry"), values.get("timeout"), values.get("lease_ttl")
    if retry is not None:
        check_argument("retry", retry, Retry, "a Retry, such as Retry(3)")
    check_seconds("grace", values.get("grace"))
    if timeout is not None:
        check_positive("timeout", timeout, "a number of seconds above 0")
    if ttl is not None:
        check_positive("lease_ttl", ttl, "a number of seconds above 0, or None")
    executor = values.get("executor", "process")
    if type(executor) is not str or executor not in ("process", "thread"):
        from alexflow.engine.executor_choice import check_executor  # deferred: most are one of these

        check_executor("executor", executor)
    queue = values.get("queue")
    if queue is not None:
        check_queue(queue)
    check_bool("record", values.get("record", True))
    cache = values.get("memory_cache")
    if cache is not None and type(cache).__name__ != "MemoryCache":
        raise wrong_argument("memory_cache", cache, "a MemoryCache, such as MemoryCache()")


def check_queue(queue: object) -> None:
    """Check an engine's ``queue``."""
    from alexflow.limits import Queue  # deferred: seldom used

    if not isinstance(queue, Queue):
        raise wrong_argument("queue", queue, "a Queue, such as Queue(max_queued=10_000)")
    for name in queue.reserve:
        if type(name) is not str or name not in EXECUTOR_KINDS:
            raise DefinitionError(f"Queue.reserve[{name!r}]: the executor must be {name_choices()}")


def check_reserve(queue: Queue, workers: int, max_concurrency: int, given: Container[str]) -> None:
    """Check that a queue leaves places for tasks of a priority below 0.

    Args:
        queue: the queue.
        workers: the engine's.
        max_concurrency: the engine's.
        given: executors of which the places are not known, as the engine was given them.

    Raises:
        DefinitionError: it reserves all places of an executor.
    """
    for name, reserved in queue.reserve.items():
        places = max_concurrency if name == "loop" else workers
        if reserved >= places and name not in given:
            raise DefinitionError(
                f"Queue.reserve[{name!r}] is {reserved}, and there are {places} places: tasks of a priority below 0 "
                f"would never run; reserve fewer, or have more workers (max_concurrency for 'loop')"
            )


def check_urgency(priority: object, fairness_key: object, max_wait: object) -> None:
    """Check what a request says about its place in the queue.

    Raises:
        DefinitionError: a value is invalid.
    """
    if priority is not None and (type(priority) is not int or abs(priority) > MOST_URGENT):
        raise wrong_argument("priority", priority, f"a whole number from {-MOST_URGENT} to {MOST_URGENT}")
    if type(fairness_key) is not str:
        raise wrong_argument("fairness_key", fairness_key, "a text, such as the name of a tenant")
    check_seconds("max_wait", max_wait)


def as_limits(limits: Mapping[str, int | RateLimit] | None) -> tuple[dict[str, int], dict[str, RateLimit]]:
    """Check an engine's ``limits``. Returns those of tasks at once, and those of rates."""
    if limits is not None and not isinstance(limits, Mapping):
        meant = "a dict from tag to how many tasks with it may run at once, such as {'gpu': 1}"
        raise wrong_argument("limits", limits, meant)
    limits = limits or {}
    for tag in limits:
        if not isinstance(tag, str) or not tag:
            raise DefinitionError(f"limits has the tag {repr_of(tag)}; a tag is a text, such as 'gpu'")
    at_once = {tag: limit for tag, limit in limits.items() if isinstance(limit, int)}
    if len(at_once) == len(limits):
        return at_once, {}
    from alexflow.limits import RateLimit  # deferred: few engines have one

    for tag, limit in limits.items():
        if not isinstance(limit, int | RateLimit):
            raise wrong_argument(f"limits[{repr_of(tag)}]", limit, "a whole number of at least 1, or a RateLimit")
    return at_once, {tag: limit for tag, limit in limits.items() if isinstance(limit, RateLimit)}


def as_devices(devices: object) -> dict[str, tuple[int | str, ...]] | None:
    """Check an engine's ``devices``."""
    if devices is None:
        return None
    from alexflow.executors.devices import check_devices  # deferred: an engine's that names some

    return check_devices(devices)


def check_workers(workers: object) -> None:
    """Check an engine's ``workers``, and import what they are only if they are no number."""
    if workers is not None and (type(workers) is not int or workers < 1):
        as_workers(workers)


def as_workers(workers: object) -> Workers:
    """Check an engine's ``workers``, and settle what they leave open."""
    from alexflow.executors.workers import Workers  # deferred: an engine's

    if isinstance(workers, Workers):
        return workers.settled()
    if workers is not None and (type(workers) is not int or workers < 1):
        raise wrong_argument("workers", workers, "a whole number of at least 1")
    return Workers(None if workers is None else int(workers)).settled()


def changed_options(values: Mapping[str, Any], defaults: Mapping[str, Any]) -> dict[str, Any]:
    """Return the keywords that are not their defaults, as plain data for the record; ``echo`` is for the eye only.

    Args:
        values: by name, others among them.
        defaults: of the keywords.
    """
    changed = {name: values[name] for name, default in defaults.items() if values[name] != default and name != "echo"}
    return {name: _plain(value) for name, value in changed.items() if value != {}}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple) and value and isinstance(value[0], ContextVar):
        return [variable.name for variable in value]
    return value if isinstance(value, bool | int | float | str | None) else repr_of(value)
