"""Public is what ``alexflow`` exports; nothing else is promised."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import alexflow
import alexflow.formats

EXPORTED = sorted(alexflow.__all__)

#: The names that a user's code may rely on; one that goes away here is a breaking release.
PROMISED = {
    "AbstractTask",
    "BinaryOutput",
    "Engine",
    "DynamicTask",
    "InOut",
    "JSONOutput",
    "LocalStorage",
    "MemoryStorage",
    "NoDefaultVar",
    "Output",
    "ResourceSpec",
    "SerializableOutput",
    "Storage",
    "Task",
    "Workflow",
    "WrapperTask",
    "arun",
    "deserialize",
    "no_default",
    "run",
    "serialize",
}

#: What 1.x has here, too: there for its users, and not shown to others.
OF_1X = {"Dir", "File", "H5FileOutput"}


#: The same of ``alexflow.formats``.
PROMISED_FORMATS = {
    *["ArrowOutput", "BinaryOutput", "BytesOutput"],
    *["Directory", "DirectoryOutput", "FileOutput", "H5FileOutput", "HDF5Output", "JSONLinesOutput", "JSONOutput"],
    *["JoblibOutput", "MsgpackOutput", "NpzOutput", "NumpyOutput", "PandasOutput", "ParquetOutput", "PolarsOutput"],
    *["SafetensorsOutput", "SerializableOutput", "TextOutput"],
}


def test_what_is_promised_is_exported():
    assert PROMISED - set(EXPORTED) == set()
    assert PROMISED_FORMATS - set(alexflow.formats.__all__) == set()


@pytest.mark.parametrize("name", EXPORTED)
def test_exported(name):
    thing = getattr(alexflow, name)
    assert not inspect.ismodule(thing)
    if inspect.isclass(thing) or inspect.isfunction(thing):
        assert inspect.getdoc(thing), f"{name} says nothing about itself"


def test_each_once():
    assert len(EXPORTED) == len(set(EXPORTED))


def test_nothing_public_that_is_not_exported():
    loose = {
        name
        for name, thing in vars(alexflow).items()
        if not name.startswith("_")
        and str(getattr(thing, "__module__", "")).startswith("alexflow")
        and name not in EXPORTED
    }
    assert loose <= OF_1X


@pytest.mark.filterwarnings(
    "ignore:\\s*Autoloading range tasks:DeprecationWarning"
)  # luigi's, when it is first imported
@pytest.mark.parametrize("layer", [module.name for module in pkgutil.iter_modules(alexflow.__path__)])
def test_each_layer_exports_what_it_says(layer):
    try:
        module = importlib.import_module(f"alexflow.{layer}")
        for name in getattr(module, "__all__", ()):
            assert hasattr(module, name), f"alexflow.{layer}.__all__ names {name}, which is not there"
    except ModuleNotFoundError as error:  # an extra that is not installed; some ask for it when a name is first used
        pytest.skip(str(error))


def lazy_packages():
    """The packages whose names are imported when they are first used, and their trees."""
    for file in sorted(Path(alexflow.__file__).parent.rglob("__init__.py")):
        source = file.read_text()
        if "lazy_names(" in source:
            inside = file.parent.relative_to(Path(alexflow.__file__).parents[1])
            yield pytest.param(".".join(inside.parts), ast.parse(source), id=inside.name)


@pytest.mark.parametrize(("package", "tree"), list(lazy_packages()))
def test_type_checkers_see_the_names_that_are_imported_when_used(package, tree):
    (block,) = (node for node in tree.body if isinstance(node, ast.If))
    seen = {name.asname: node.module for node in block.body for name in node.names}
    (call,) = (node.value for node in tree.body if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call))
    table = ast.literal_eval(call.args[1])
    submodules = [word.value.value for word in call.keywords if word.arg == "submodules"]
    expected = {name: f"{package}.{module}" for module, names in table.items() for name in names.split()}
    assert seen == expected | {name: package for names in submodules for name in names.split()}


@pytest.mark.parametrize("name", ["cluster", "errors", "formats", "limits", "record", "sources", "storage"])
def test_submodules_are_there_without_an_import_of_their_own(name):
    code = f"import alexflow; print(alexflow.{name}.__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == f"alexflow.{name}"


@pytest.mark.parametrize(
    ("name", "home"),
    [("TextOutput", "formats"), ("RateLimit", "limits"), ("WorkerDied", "errors"), ("CacheStorage", "storage")],
)
def test_a_name_of_a_submodule_says_where_it_is(name, home):
    with pytest.raises(ImportError, match=rf"^{name} is in alexflow\.{home}: from alexflow\.{home} import {name}$"):
        exec(f"from alexflow import {name}")
    assert not hasattr(alexflow, name)  # as of any name that is not there
    with pytest.raises(AttributeError, match=f"{name} is in"):
        getattr(alexflow, name)


def test_a_name_that_is_nowhere():
    with pytest.raises(ImportError, match="cannot import name 'Tsak' from 'alexflow'"):
        exec("from alexflow import Tsak")
    assert not hasattr(alexflow, "Sequence")
