"""All names that can be imported from alexflow 1.1.4: prints ``names.json`` when it runs there."""

import importlib
import inspect
import json
import pkgutil
import warnings

import alexflow

#: Its adapter of luigi has not been importable since Python 3.10; the other one is private.
NOT_IMPORTED = ("alexflow.adapters.executor.luigi", "alexflow.adapters.executor._reference_manager")

OURS = ("alexflow", "dataclass_serializer")


def names():
    """By module and name: what a class or function says that it is, and what a class has."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        modules = ["alexflow", *(found.name for found in pkgutil.walk_packages(alexflow.__path__, "alexflow."))]
        return {name: found for name in modules if name not in NOT_IMPORTED if (found := names_in(name))}


def names_in(module):
    """The same for one module."""
    space = vars(importlib.import_module(module))
    return {
        name: {"is": f"{thing.__module__}:{thing.__name__}", "has": members(thing)}
        for name, thing in sorted(space.items())
        if not name.startswith("_") and (inspect.isclass(thing) or inspect.isfunction(thing))
        if thing.__module__.partition(".")[0] in OURS
    }


def members(thing):
    """Public methods and attributes of a class."""
    return sorted(name for name in dir(thing) if not name.startswith("_")) if inspect.isclass(thing) else []


if __name__ == "__main__":
    print(json.dumps(names(), indent=1, sort_keys=True))
