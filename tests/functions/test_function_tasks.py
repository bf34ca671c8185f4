"""Function tasks: classes made of functions, that run, travel, and are written down as other tasks are."""

from __future__ import annotations

import copy
import inspect
import os
import pickle
import re
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path
from typing import Annotated, Any, Literal, NewType, Optional

import cloudpickle
import pytest

import alexflow
from alexflow import BinaryOutput, JSONOutput, MemoryStorage, Output, Task
from alexflow.errors import DefinitionError
from alexflow.formats import MsgpackOutput
from alexflow.graph.placement import options_of
from tests.functions import workflow
from tests.functions.workflow import (
    directory,
    each_day,
    either,
    fails,
    later,
    load,
    mean,
    process,
    returns_wrong,
    summary,
    total,
    yields_wrong,
)

#: Of ``load("monday")`` and ``mean(load("monday"), scale=2.0)``: ids are data.
GOLDEN = (
    "tests.functions.workflow.load.2eebce9080ec956bd5bc39cf32939dc7ea2537ba",
    "tests.functions.workflow.mean.b6bfbd6110532f06077ba6fd4f1c8643a3e069c0",
)


def in_threads(target: Any, **options: Any) -> Any:
    return alexflow.run(target, storage=MemoryStorage(), executor="thread", progress=False, **options).output


def test_a_call_gives_the_output_of_a_task():
    monday = load("monday")
    assert type(monday) is JSONOutput
    assert monday.key == f"{monday.src_task.task_id}.value"
    assert isinstance(monday.src_task, load)
    assert isinstance(monday.src_task, Task)
    assert monday.src_task == load.task("monday")
    assert load("monday") == monday != load("friday")
    assert load.__doc__ == "Load the numbers of a day."
    assert list(inspect.signature(mean).parameters) == ["numbers", "scale"]


def test_its_ids_say_module_and_function_and_stay():
    assert (load.task("monday").task_id, mean.task(load("monday"), scale=2.0).task_id) == GOLDEN


def test_it_shows_itself_as_the_call_that_makes_it():
    assert repr(load.task("monday", limit=2)) == "load(day='monday', limit=2)"


@pytest.mark.parametrize("loads", [pickle.loads, cloudpickle.loads])
def test_it_can_be_pickled_and_copied(loads):
    task = mean.task(load("monday"), scale=2.0)
    assert loads(pickle.dumps(task)) == task
    assert loads(cloudpickle.dumps(mean)) is mean
    assert copy.deepcopy(task) is task


def test_documents_hold_it_both_ways():
    for value in (
        mean.task(load("monday")),
        mean(load("monday")),
        total([mean(load("a"))], more={"b": (mean(load("b")), 2)}),
    ):
        document = alexflow.serialize(value)
        assert alexflow.deserialize(document) == value
        assert alexflow.deserialize(document, modules=("tests.functions",)) == value
    assert {node["class"] for node in document["nodes"]} == {
        f"tests.functions.workflow:{name}" for name in ("load", "mean", "total")
    }


def test_outputs_among_its_parameters_are_its_input():
    parts = [mean(load("a")), mean(load("bb"))]
    task = total.task(parts, more={"x": (mean(load("ccc")), 3)})
    assert task.input() == [*parts, mean(load("ccc"))]
    assert load.task("monday").input() is None
    assert in_threads(total(parts, more={"x": (mean(load("ccc")), 3)})).load() == pytest.approx(2 + 7 / 3 + 3 * 8 / 3)
    assert in_threads([either(2.0), either(mean(load("a")))])[1].load() == 2.0


def test_parameters_with_defaults_and_by_keyword():
    assert in_threads(load("monday", limit=1)).load() == [6]
    assert load("monday", limit=None) == load("monday")  # None is left out of ids
    with pytest.raises(TypeError):
        load("monday", 1)
    with pytest.raises(TypeError, match=r"mean.__init__\(\) missing 1 required positional argument: 'numbers'"):
        mean()


def test_what_is_no_output_is_refused_where_one_is_annotated():
    with pytest.raises(TypeError, match=r"mean.numbers is annotated as an Output, and was given \[1, 2\]"):
        mean([1, 2])
    with pytest.raises(TypeError, match=r"give it the output of a task: task.output\(\)"):
        mean.task(load.task("monday"))


@pytest.mark.processes
def test_it_runs_in_worker_processes(tmp_path):
    result = alexflow.run(
        {"mean": mean(load("monday"), scale=2.0), "task": mean.task(load("a"))},
        storage=tmp_path,
        workers=1,
        progress=False,
    )
    assert result.output["mean"].load() == 22 / 3
    assert result.output["task"].load() == 2.0
    assert alexflow.run(mean(load("monday"), scale=2.0), storage=tmp_path, progress=False).ran == 0


@pytest.mark.processes
def test_its_failures_name_it(tmp_path):
    result = alexflow.run(
        [fails(3), returns_wrong(4)], storage=tmp_path, workers=1, on_error="continue", progress=False
    )
    messages = {error.task_id.split(".")[3]: error.message for error in result.failures}
    assert "cannot do 3" in messages["fails"]
    assert "would come back as" in messages["returns_wrong"]


def test_a_missing_return_fails():
    @alexflow.task
    def plain(n: int) -> float:  # type: ignore[return]
        pass

    @alexflow.task(format=BinaryOutput)
    async def on_the_loop(n: int) -> Annotated[list[int], "numbers"]:  # type: ignore[return]
        pass

    @alexflow.task
    def yields(n: int) -> Generator[Output[float], None, dict[str, int]]:  # type: ignore[return]
        yield mean(load("a"))

    tasks = [function(1) for function in (plain, on_the_loop, yields)]
    result = alexflow.run(tasks, storage=MemoryStorage(), executor="thread", on_error="continue", progress=False)
    assert len(result.failures) == 3
    for error in result.failures:
        assert "returned None, which its annotation does not allow; is a `return` missing?" in error.message


@pytest.mark.parametrize(
    "annotation",
    [None, Any, object, "Elsewhere", int | None, Optional[str], Literal[1, None], NewType("Maybe", Optional[int])],  # noqa: UP045
)
def test_none_is_a_value_where_the_annotation_allows_it(annotation):
    def maybe(n: int):
        return None

    maybe.__annotations__["return"] = annotation
    assert in_threads(alexflow.task(format=JSONOutput)(maybe)(1)).load() is None


def test_generators_are_dynamic_tasks():
    storage = MemoryStorage()
    result = alexflow.run(
        {"each": each_day(3), "summary": summary(["a", "bb"]), "later": later(2)},
        storage=storage,
        executor="thread",
        progress=False,
    )
    assert result.output["each"].load() is None
    assert result.output["summary"].load() == {"name": "summary", "counts": [1, 2]}
    assert result.output["later"].load() is None
    assert mean(load("zz"[:1])).assign_storage(storage).exists()
    assert mean(load("y")).assign_storage(storage).exists()
    assert alexflow.run(each_day(3), storage=storage, executor="thread", progress=False).ran == 0


def test_what_a_generator_yields_is_an_output_or_a_task():
    with pytest.raises(alexflow.RunFailed) as failed:
        in_threads(yields_wrong(3))
    assert "yields_wrong yields 3; yield outputs" in str(failed.value.exceptions[0])


def test_options_are_those_of_a_class():
    task = process.task(1)
    assert task.task_id.startswith("the.process.")
    assert task.output().key.endswith(".pid.pkl")
    assert type(task.output()) is BinaryOutput
    assert (options_of(task).executor, options_of(task).timeout) == ("thread", 30)
    assert (task.retry.count, task.version, task.tags, task.resource_spec.gpu) == (2, 3, {"api"}, 1)
    assert os.getpid() in in_threads(process(1), devices={"gpu": [0]}).load()


def test_a_class_of_it_may_be_forced():
    storage = MemoryStorage()
    alexflow.run(mean(load("a")), storage=storage, executor="thread", progress=False)
    assert alexflow.run(mean(load("a")), storage=storage, executor="thread", force=load, progress=False).ran == 2


def test_its_tasks_are_rebuilt_in_a_fifth_of_the_time():
    from alexflow.model.class_info import class_info

    assert class_info(load).rebuildable
    assert class_info(mean).rebuildable


SCRIPT = """
from __future__ import annotations
import sys
import alexflow
from alexflow import Output

FACTOR = 3

def helper(value: float) -> float:
    return FACTOR * value

@alexflow.task
def first(n: int) -> float:
    return helper(float(n))

def outer():
    plus = 10
    @alexflow.task
    def local(value: Output[float]) -> float:
        return value.load() + plus
    return local

@alexflow.task
def many(n: int) -> dict[str, int]:
    for number in range(n):
        yield second(first(number))
    return {"n": n}

@alexflow.task
def second(value: Output[float]) -> float:
    return value.load() + 1

if __name__ == "__main__":
    target = [second(first(2)), outer()(first(2)), many(3)]
    result = alexflow.run(target, storage=sys.argv[1], workers=2, progress=False)
    print([output.load() for output in result.output], first(2).key.partition(".first")[0])
"""


@pytest.mark.processes
def test_in_a_script_and_in_a_function(tmp_path):
    script = tmp_path / "pipeline.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, script, tmp_path / "store"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout == "[7.0, 16.0, {'n': 3}] pipeline\n"


@pytest.mark.processes
def test_the_command_line_takes_it(tmp_path):
    target = ["tests.functions.workflow:mean", "--numbers", "tests.functions.workflow:load_monday", "--scale", "2"]
    done = subprocess.run(
        [sys.executable, "-m", "alexflow", "run", *target, "--storage", tmp_path],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parent.parent.parent,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    assert "2 ran" in done.stdout
    assert mean(load("monday"), scale=2.0).assign_storage(alexflow.LocalStorage(tmp_path)).load() == 22 / 3


def test_a_directory_is_stored(tmp_path):
    with in_threads(directory(str(tmp_path / "made"), "text")).path() as path:
        assert (path / "a.txt").read_text() == "text"


# -- refused where the function is decorated


def variadic(*values: int) -> int: ...


def keywords(**values: int) -> int: ...


def by_position(value: int, /) -> int: ...


def untyped(value) -> int: ...


def shared(values: list[int] = []) -> int: ...  # noqa: B006


def hidden(input: Output[int]) -> int: ...


def reserved(task: str) -> int: ...


def says_nothing(value: int): ...


def array(value: int) -> set[int]: ...


def of_bytes(value: int) -> bytes: ...


def unknown(value: int) -> Elsewhere: ...  # noqa: F821


class Holder:
    def method(self, value: int) -> int: ...


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (variadic, "variadic takes *values, but each parameter of a task has a name; take a list"),
        (keywords, "keywords takes **values"),
        (by_position, "the parameter 'value' of by_position is positional-only"),
        (untyped, "the parameter 'value' of untyped has no annotation; annotate it, as value: int"),
        (shared, "the default of shared.values is a list, which all calls would share; make it None, or a tuple"),
        (hidden, "hidden.input is a field, but alexflow uses the name 'input' itself"),
        (reserved, "the parameter 'task' of reserved has a name that alexflow uses itself"),
        (says_nothing, "says_nothing does not say what it returns"),
        (array, "array returns set[int], which JSON would not give back as it was; name a format"),
        (of_bytes, "@alexflow.task(format=…), BytesOutput"),
        (unknown, "unknown returns Elsewhere, which cannot be evaluated here"),
        (Holder.method, "Holder.method is a method; @alexflow.task is for functions"),
        (Holder, "makes a task of a function, not of the class Holder; derive a class from alexflow.Task"),
        (3, "makes a task of a function, not of 3"),
        (lambda value: value, "a lambda has no name for the ids of its tasks"),
    ],
    ids=lambda each: getattr(each, "__name__", None),
)
def test_functions_that_cannot_be_tasks(function, message):
    with pytest.raises(DefinitionError, match=re.escape(message)):
        alexflow.task(function)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"format": int}, "the format of says_nothing is <class 'int'>, which is not a format"),
        ({"retry": 3}, "retry of says_nothing is 3"),
        ({"options": {}}, "options of says_nothing is {}"),
        ({"tags": "gpu"}, "tags of says_nothing is 'gpu', not a set of strings"),
        ({"resource_spec": 1}, "resource_spec of says_nothing is 1"),
    ],
)
def test_arguments_that_cannot_be(arguments, message):
    with pytest.raises(DefinitionError, match=re.escape(message)):
        alexflow.task(**{"format": JSONOutput, **arguments})(says_nothing)


def test_a_format_takes_any_type():
    assert type(alexflow.task(format=MsgpackOutput[set[int]])(array)(1)) is MsgpackOutput


def test_the_class_itself_is_no_target():
    with pytest.raises(DefinitionError, match=r"mean is a class; run an instance of it: mean\(...\)"):
        alexflow.run(mean, storage=MemoryStorage(), progress=False)


def test_the_code_of_the_function_is_what_its_fingerprint_sees():
    from alexflow.fingerprint import fingerprint_of

    assert [name for name, _ in fingerprint_of(mean).units] == ["tests.functions.workflow.mean"]
    assert workflow.__file__


def test_arguments_that_the_decorator_has_not_are_refused_with_what_to_write() -> None:
    task: Any = alexflow.task
    for name, value, remedy in [
        ("retries", 3, "retry=Retry(3)"),
        ("delay", 2.0, "retry=Retry(…, delay=2.0)"),
        ("timeout", 3, "options=TaskOptions(timeout=3)"),
        ("n", 1, "parameters of the function are given where it is called"),
    ]:
        with pytest.raises(DefinitionError, match=re.escape(f"takes no '{name}'; ") + f".*{re.escape(remedy)}"):
            task(**{name: value})


def test_an_output_for_a_plain_value_is_refused_before_anything_runs() -> None:
    wrong: Any = load
    storage = MemoryStorage()
    with pytest.raises(DefinitionError, match=r"load\.\w+ is annotated as a plain value.*annotate it as Output\["):
        alexflow.run(wrong(load("monday")), storage=storage)
    assert not load("monday").assign_storage(storage).exists()


@alexflow.task
def area(cls: int, self: int = 2) -> int:
    return cls * self


def test_parameters_may_have_the_names_that_methods_use() -> None:
    assert area(cls=3).src_task == area(3).src_task == area.task(cls=3)
    assert alexflow.run(area(cls=3, self=4), storage=MemoryStorage(), executor="thread").output.load() == 12
