"""``ResourceSpec``: its values, old and new, and where they are set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from alexflow import JSONOutput, ResourceSpec, Task, WrapperTask
from alexflow.errors import DefinitionError, HookError
from alexflow.graph.describe import Defaults, describe
from alexflow.graph.placement import spec_of_class

GIB = 1 << 30


@pytest.mark.parametrize(
    ("asked", "needs"),
    [
        ({"cpus": 4}, (4000, 0, ())),
        ({"cpus": 0.5}, (500, 0, ())),
        ({"cpu_requests": "500m"}, (500, 0, ())),
        ({"cpu_requests": "2", "cpu_limits": "4"}, (2000, 0, ())),
        ({"cpu_limits": "4"}, (4000, 0, ())),
        ({"memory": 1_000_000}, (None, 1_000_000, ())),
        ({"memory": "8GiB"}, (None, 8 * GIB, ())),
        ({"memory": "8Gi"}, (None, 8 * GIB, ())),
        ({"memory": "1.5 GB"}, (None, 1_500_000_000, ())),
        ({"memory": "512MiB"}, (None, GIB // 2, ())),
        ({"memory_requests": "2Gi"}, (None, 2 * GIB, ())),
        ({"gpus": 1}, (None, 0, (("gpu", 1000),))),
        ({"gpu": 2}, (None, 0, (("gpu", 2000),))),
        ({"gpu": 0}, (None, 0, ())),
        ({"gpus": 0.5, "devices": {"tpu": 1}}, (None, 0, (("gpu", 500), ("tpu", 1000)))),
    ],
)
def test_values_old_and_new(asked, needs):
    assert ResourceSpec(**asked).needs() == needs


@pytest.mark.parametrize(
    "asked",
    [
        *({"cpus": "four"}, {"cpus": 0}, {"cpus": -1}, {"cpus": True}, {"cpus": float("nan")}),
        *({"memory": "8 gigs"}, {"memory": 0}, {"memory": -1}, {"memory": 1.5}, {"memory": "0"}, {"memory": 8}),
        *({"gpus": 1.5}, {"gpus": -1}, {"gpus": "1"}, {"gpus": float("inf")}),
        *({"devices": ["gpu"]}, {"devices": {"gpu": 1.5}}, {"devices": {1: 1}}, {"devices": {"a b": 1}}),
    ],
)
def test_a_value_that_is_none_is_refused_with_its_field(asked):
    with pytest.raises(DefinitionError, match=rf"ResourceSpec\.{next(iter(asked))}\b.* must be "):
        ResourceSpec(**asked)


def test_one_amount_is_given_once():
    with pytest.raises(DefinitionError, match="both cpus and cpu_requests"):
        ResourceSpec(cpus=1, cpu_requests="1")
    with pytest.raises(DefinitionError, match="both gpus and devices"):
        ResourceSpec(gpus=1, devices={"gpu": 1})


@dataclass(frozen=True)
class Train(Task):
    depth: int = 1

    resource_spec = ResourceSpec(cpus=4)

    def output(self):
        return self.build_output(JSONOutput, key="a.json")

    def run(self, input, output):
        raise AssertionError


@dataclass(frozen=True)
class Deep(Train):
    pass


@dataclass(frozen=True)
class Fixed(Train):
    resource_spec: ClassVar = ResourceSpec(cpus=2)  # type: ignore[misc]


@dataclass(frozen=True)
class Wrapped(WrapperTask):
    pass


def needs(task):
    found = describe(task, Defaults()).needs
    return found and found.cpus


def test_that_of_an_instance_comes_before_that_of_its_class():
    assert needs(Train()) == 4000
    assert needs(Train(resource_spec=ResourceSpec(cpus=1))) == 1000
    assert needs(Deep()) == 4000
    assert needs(Fixed()) == 2000
    assert needs(Train(resource_spec=ResourceSpec())) is None  # asks for nothing
    assert Train().task_id == Train(resource_spec=ResourceSpec(cpus=1)).task_id


def test_a_wrapper_needs_what_is_wrapped():
    assert needs(Wrapped(Train())) == 4000
    assert needs(Wrapped(Train(resource_spec=ResourceSpec(cpus=1)))) == 1000


@dataclass(frozen=True)
class Wrong(Train):
    resource_spec: ClassVar = "4 cpus"  # type: ignore[misc]


def test_what_is_no_resource_spec_is_refused_with_its_class():
    with pytest.raises(DefinitionError, match=r"Wrong\.resource_spec must be a ResourceSpec, such as .* not '4 cpus'"):
        describe(Wrong(), Defaults())
    with pytest.raises(DefinitionError, match=r"Train\.resource_spec: ResourceSpec\.memory_limits must be"):
        describe(Train(resource_spec=ResourceSpec(memory_limits="much")), Defaults())


class Raises(ResourceSpec):
    def needs(self):
        raise RuntimeError("no")


def test_what_one_raises_is_the_tasks():
    with pytest.raises(HookError, match=r"Train\.resource_spec raised RuntimeError: no"):
        describe(Train(resource_spec=Raises()), Defaults())


def test_what_an_engine_never_has_is_refused_when_a_task_is_described():
    defaults = Defaults(refusal=lambda needs: "more than there is")
    with pytest.raises(DefinitionError, match=r"Train\.resource_spec asks for more than there is"):
        describe(Train(), defaults)


def test_slots_of_a_dataclass_hide_no_class_s_own() -> None:
    @dataclass(frozen=True)
    class Large(Task):
        resource_spec = ResourceSpec(cpus=2)

    @dataclass(frozen=True, slots=True)
    class Slotted(Large):
        depth: int = 1

    @dataclass(frozen=True, slots=True)
    class Plain(Task):
        depth: int = 1

    assert spec_of_class(Slotted()) == ResourceSpec(cpus=2)
    assert spec_of_class(Plain()) is None
