"""Values of other libraries have an identity and a form in documents; none of these libraries is imported for it."""

from __future__ import annotations

import functools
import ipaddress
import json
import re
import subprocess
import sys
import zoneinfo
from dataclasses import dataclass
from fractions import Fraction
from itertools import combinations
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from alexflow import Task, deserialize, serialize
from alexflow.errors import DocumentError, IdentityError
from alexflow.identity import canonical, packb
from alexflow.record.fields import plain


@dataclass(frozen=True)
class Hold(Task):
    value: Any


def scale(value: float, *, by: float = 1.0) -> float:
    return value * by


cached = functools.lru_cache(scale)


def bytes_of(value: Any) -> bytes:
    return packb(canonical(value, []))


def there_and_back(value: Any) -> Any:
    """Return the value that a document gives back; its task keeps its id."""
    task = Hold([value])
    document = json.loads(json.dumps(serialize(task)))
    back = deserialize(document)
    assert back == task
    (node,) = document["nodes"]
    recorded = plain(canonical(value, []))
    assert node["fields"]["value"][0] == json.loads(json.dumps(recorded)), "the record shows it as a document does"
    return back.value[0]


OF_PYTHON = [
    (range(3), '["range", [0, 3, 1]]'),
    (range(5, 2**70, 2), '["range", [5, ["int", "400000000000000000"], 2]]'),
    (Fraction(-1, 3), '["fraction", [-1, 3]]'),
    (ZoneInfo("Europe/Berlin"), '["zone", "Europe/Berlin"]'),
    (re.compile("a+", re.IGNORECASE), '["pattern", "a+", 34]'),
    (str.upper, '["function", "builtins:str.upper"]'),
    (int.__add__, '["function", "builtins:int.__add__"]'),
]


@pytest.mark.parametrize(("value", "form"), OF_PYTHON, ids=lambda each: str(each)[:30])
def test_of_python(value, form):
    assert canonical(value, []) == json.loads(form)
    assert there_and_back(value) == value


def test_a_pattern_of_bytes():
    pattern = re.compile(b"a", re.MULTILINE)
    assert canonical(pattern, []) == ["pattern", b"a", 8]
    assert there_and_back(pattern) == pattern


def test_a_partial_call_of_a_named_function():
    partial = functools.partial(scale, 2.0, by=[1])
    name = f"{__name__}:scale"
    assert canonical(partial, []) == ["partial", ["function", name], [2.0], [["by", ["list", [1]]]]]
    back = there_and_back(partial)
    assert (back.func, back.args, back.keywords) == (scale, (2.0,), {"by": [1]})
    with pytest.raises(IdentityError, match=r"^Hold\.value\.func: a lambda has no stable identity"):
        _ = Hold(functools.partial(lambda: 1)).task_id
    with pytest.raises(IdentityError, match=r"^Hold\.value\.keywords\['by'\]: an object cannot"):
        _ = Hold(functools.partial(scale, by=object())).task_id


def test_what_looks_alike_differs():
    rows = [
        [range(3), [0, 1, 2], (0, 1, 2), range(0, 3, 2), "range(0, 3)", ["range", [0, 3, 1]]],
        [Fraction(1, 2), 0.5, (1, 2), [1, 2], "1/2", Fraction(2, 1), ["fraction", [1, 2]]],
        [ZoneInfo("UTC"), "UTC", ["zone", "UTC"]],
        [re.compile("a"), re.compile(b"a"), re.compile("a", re.IGNORECASE), "a", b"a", ["pattern", "a", 32]],
        [functools.partial(scale), scale, functools.partial(scale, 1), functools.partial(scale, by=1), [scale]],
        [functools.partial(scale, 1), functools.partial(scale, 1.0), functools.partial(scale, True)],
    ]
    for row in rows:
        for one, other in combinations(row, 2):
            assert bytes_of(one) != bytes_of(other), (one, other)


@pytest.mark.parametrize("value", [cached, functools.partial(cached), [].append, len.__call__])
def test_a_callable_that_is_not_found_by_its_name_is_refused(value):
    with pytest.raises(IdentityError):
        bytes_of(value)


def test_a_zone_without_a_key_is_refused():
    with open(zone_file(), "rb") as file:
        zone = ZoneInfo.from_file(file)
    with pytest.raises(IdentityError, match=r"^Hold\.value: a ZoneInfo that was made from a file has no key"):
        _ = Hold(zone).task_id
    with pytest.raises(DocumentError, match="has no key"):
        serialize(zone)


def zone_file() -> Path:
    found = next((Path(place, "UTC") for place in zoneinfo.TZPATH if Path(place, "UTC").exists()), None)
    if found is None:
        pytest.skip("no files of time zones")
    return found


# -- NumPy, SciPy


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("float64", ["dtype", "=f8"]),
        (">i4", ["dtype", ">i4"]),
        ("M8[ns]", ["dtype", "=M8[ns]"]),
        ("S5", ["dtype", "|S5"]),
        ("bool", ["dtype", "|b1"]),
        ([("a", "f8"), ("b", "u2", (2,))], "fields"),
        (("f4", (3, 4)), ["dtype", ["dtype", "=f4"], [3, 4]]),
    ],
    ids=str,
)
def test_dtypes(text, form):
    numpy = pytest.importorskip("numpy")
    dtype = numpy.dtype(text)
    if form == "fields":
        fields = [["a", ["dtype", "=f8"], 0], ["b", ["dtype", ["dtype", "=u2"], [2]], 8]]
        form = ["dtype", fields, 12]
    assert canonical(dtype, []) == form
    assert there_and_back(dtype) == dtype


def test_dtypes_are_no_texts_nor_classes():
    numpy = pytest.importorskip("numpy")
    row = [numpy.dtype("f8"), numpy.float64, "float64", "=f8", ["dtype", "=f8"], numpy.dtype("f4"), numpy.dtype("i8")]
    for one, other in combinations(row, 2):
        assert bytes_of(one) != bytes_of(other), (one, other)
    assert bytes_of(numpy.dtype("float64")) == bytes_of(numpy.dtype("double")) == bytes_of(numpy.dtype("=f8"))


def test_functions_of_numpy():
    numpy = pytest.importorskip("numpy")
    for function, name in ((numpy.sin, "sin"), (numpy.abs, "absolute"), (numpy.mean, "mean"), (numpy.dot, "dot")):
        assert canonical(function, []) == ["function", f"numpy:{name}"]
        assert there_and_back(function) is function
    with pytest.raises(IdentityError, match=r"^Hold\.value: a numpy.ufunc cannot be identified"):
        _ = Hold(numpy.frompyfunc(len, 1, 1)).task_id


def test_functions_of_scipy():
    special = pytest.importorskip("scipy.special")
    assert canonical(special.expit, []) == ["function", "scipy.special:expit"]
    assert there_and_back(special.expit) is special.expit


def test_dtypes_of_torch():
    torch = pytest.importorskip("torch")
    assert canonical(torch.half, []) == ["torch.dtype", "float16"]
    assert there_and_back(torch.bfloat16) is torch.bfloat16


def test_functions_of_torch_that_say_that_they_are_in_a_class():
    torch = pytest.importorskip("torch")
    for function in (torch.relu, torch.tanh, torch.nn.functional.gelu):
        assert there_and_back(function) is function


# -- classes by their fields


def test_models_of_pydantic():
    pytest.importorskip("pydantic")
    from tests.identity.library_classes import Model, Open

    model = Model(a=1, bee=2.0, inner=[Model(a=3, bee=None, inner=range(2))])
    name = "tests.identity.library_classes:Model"
    inner = ["model", name, [["a", 3], ["inner", ["range", [0, 2, 1]]]]]
    assert canonical(model, []) == ["model", name, [["a", 1], ["b", 2.0], ["inner", ["list", [inner]]]]]
    task = Hold(model)
    assert deserialize(serialize(task)).value == model
    assert Hold(Model(a=1, bee=3.0)) != Hold(Model(a=1, bee=2.0))
    assert canonical(Open(a=1, more="x"), [])[2] == [["a", 1], ["more", "x"]]
    assert there_and_back(Open(a=1, more="x")) == Open(a=1, more="x")
    with pytest.raises(IdentityError, match=r"^Hold\.value\.inner: a lambda"):
        _ = Hold(Model(a=1, inner=lambda: 1)).task_id
    document = serialize(task)
    document["nodes"][0]["fields"]["value"]["fields"]["a"] = "no number"
    with pytest.raises(DocumentError, match="Model cannot be made from these fields"):
        deserialize(document)


def test_secrets_of_pydantic_are_refused_with_the_remedy():
    pydantic = pytest.importorskip("pydantic")
    with pytest.raises(IdentityError, match=r"a secret; pass value\.get_secret_value\(\) to a field that is declared"):
        _ = Hold(pydantic.SecretStr("s3cr3t")).task_id


def test_classes_of_attrs():
    pytest.importorskip("attrs")
    pytest.importorskip("pydantic")  # the module has classes of both
    from tests.identity.library_classes import Attrs, Marked

    name = "tests.identity.library_classes:Attrs"
    value = Attrs(1, hidden=[2], note="n")
    assert canonical(value, []) == ["attrs", name, [["_hidden", ["list", [2]]], ["a", 1]]]
    back = deserialize(serialize(Hold(value))).value
    assert back == value
    assert back.note == "n"
    assert bytes_of(Attrs(1)) == bytes_of(Attrs(1, note="other"))
    with pytest.raises(IdentityError, match=r"Marked\.a has metadata for alexflow, which an attrs class cannot have"):
        bytes_of(Marked(1))


# -- refusals name the remedy


def test_values_of_pandas_are_refused_with_the_remedy():
    pandas = pytest.importorskip("pandas")
    for value, remedy in (
        (pandas.Timestamp("2024-01-01"), r"pass value\.to_pydatetime\(\)"),
        (pandas.Timedelta(days=1), r"pass value\.to_pytimedelta\(\)"),
        (pandas.Series([1]), r"store it with a task and pass that task's output, or .*metadata=\{\"encode\": …"),
    ):
        with pytest.raises(IdentityError, match=remedy):
            _ = Hold(value).task_id


def test_models_and_texts_of_libraries_are_refused_with_the_remedy():
    pydantic, svm = pytest.importorskip("pydantic"), pytest.importorskip("sklearn.svm")
    for value, remedy in (
        (svm.SVC(), r"a sklearn\S+SVC has no identity of its own; pass its class and a dict of its parameters"),
        (pydantic.TypeAdapter(pydantic.HttpUrl).validate_python("http://a.b"), r"pass str\(value\)"),
        (ipaddress.ip_address("10.0.0.1"), r"pass str\(value\)"),
    ):
        with pytest.raises(IdentityError, match=remedy):
            _ = Hold({"nested": [value]}).task_id


def test_a_module_of_torch_is_refused_with_the_remedy():
    torch = pytest.importorskip("torch", exc_type=ImportError)
    with pytest.raises(IdentityError, match=r"store it with a task and pass that task's output"):
        _ = Hold(torch.nn.Linear(1, 1)).task_id


# -- documents from strangers


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ({"$": "range", "start": 0, "stop": 1.5, "step": 1}, "are integers"),
        ({"$": "range", "start": 0, "stop": 1, "step": 0}, "must not be zero"),
        ({"$": "range", "start": 0, "stop": 1}, "'step' is missing"),
        ({"$": "fraction", "numerator": 1, "denominator": 0}, "Fraction"),
        ({"$": "fraction", "numerator": True, "denominator": 1}, "are integers"),
        ({"$": "zone", "name": "../../etc/passwd"}, "is malformed"),
        ({"$": "zone", "name": 3}, "expected str"),
        ({"$": "pattern", "value": "(", "flags": 0}, "is malformed"),
        ({"$": "pattern", "value": "a", "flags": int(re.DEBUG)}, "not flags of a pattern"),
        ({"$": "pattern", "value": 1, "flags": 0}, "expected str or bytes"),
        ({"$": "partial", "function": 3, "args": [], "keywords": []}, "an int cannot be called"),
        ({"$": "partial", "function": {"$": "function", "name": "os:system"}, "args": [], "keywords": []}, "os is not"),
        ({"$": "dtype", "value": "f8"}, "numpy is not among those allowed"),
        ({"$": "torch.dtype", "name": "float32"}, "torch is not among those allowed"),
        ({"$": "model", "class": "tests.identity.test_library_values:Hold", "fields": {}}, "is not a pydantic model"),
        ({"$": "attrs", "class": "tests.identity.test_library_values:Hold", "fields": {}}, "is not an attrs class"),
    ],
    ids=lambda each: each if isinstance(each, str) else each["$"],
)
def test_malformed(data, message):
    document = {"format": "alexflow/graph", "version": 1, "root": [data], "nodes": []}
    with pytest.raises(DocumentError, match=re.escape(message)) as caught:
        deserialize(document, modules=(__name__,))
    assert str(caught.value).startswith("root[0]")


@pytest.mark.parametrize("value", ["f8", "zz", "=q9", "|O", 3, {"x": 1}])
def test_malformed_dtypes(value):
    pytest.importorskip("numpy")
    document = {"format": "alexflow/graph", "version": 1, "root": {"$": "dtype", "value": value}, "nodes": []}
    if value == "|O":
        assert deserialize(document).hasobject
        return
    with pytest.raises(DocumentError):
        deserialize(document)


@pytest.mark.processes
def test_no_library_is_imported_for_it():
    program = (
        "import sys, alexflow; from dataclasses import dataclass\n"
        "@dataclass(frozen=True)\n"
        "class T(alexflow.Task):\n    x: object\n"
        "T([1, range(3), len]).task_id\n"
        "print(sorted({'numpy', 'torch', 'pydantic', 'attrs', 'attr', 'fractions', 'zoneinfo'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "[]\n"
