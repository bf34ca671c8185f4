"""Random recipes for tasks of 1.x (:mod:`tests.legacy.former_tasks`)."""

from __future__ import annotations

from datetime import UTC, date
from typing import Any

from hypothesis import strategies as st

from tests.legacy.former_tasks import OUTPUTS, THINGS

Recipe = list[Any]

texts = st.text(max_size=8)
names = st.text("abcdefgh._", min_size=1, max_size=6).filter(lambda name: name.strip("."))

plain: st.SearchStrategy[Recipe] = st.one_of(
    st.builds(lambda value: ["plain", value], st.none() | st.booleans() | texts),
    st.builds(lambda value: ["int", str(value)], st.integers()),
    st.builds(lambda value: ["float", repr(value)], st.floats()),
    st.builds(lambda value: ["datetime", value.isoformat()], st.datetimes()),
    st.builds(lambda name: ["thing", name], st.sampled_from(sorted(THINGS))),
    st.builds(lambda value: ["datetime", value.isoformat()], st.datetimes(timezones=st.just(UTC))),
    st.builds(lambda gpu, memory: ["resources", gpu, memory], st.none() | st.integers(0, 8), st.none() | texts),
    st.builds(lambda path: ["file", path], names),
    st.builds(lambda path: ["dir", path], names),
    st.builds(lambda name: ["enum", name], st.sampled_from(["LOW", "RED"])),
)

#: Storages, one over another, too.
storages: st.SearchStrategy[Recipe] = st.recursive(
    st.builds(lambda path: ["local", path], names | names.map("/".__add__)),
    lambda below: st.builds(lambda lower, upper: ["composite", lower, upper], below, below),
    max_leaves=3,
)

#: What ids of 1.x refuse, and its documents write.
unidentified: st.SearchStrategy[Recipe] = st.one_of(
    st.builds(lambda values: ["set", values], st.lists(st.integers(0, 9), max_size=1)),
    # a year of fewer digits is written otherwise from one platform to the next
    st.builds(lambda value: ["date", value.isoformat()], st.dates(min_value=date(1000, 1, 1))),
    st.builds(lambda value: ["decimal", str(value)], st.decimals(allow_nan=False, allow_infinity=False)),
)

keys = texts | st.integers(0, 9)
specs = st.sampled_from(["1.0.0", None])


def containers(values: st.SearchStrategy[Recipe]) -> st.SearchStrategy[Recipe]:
    pairs = st.lists(st.tuples(keys, values).map(list), max_size=3, unique_by=lambda pair: str(pair[0]))
    return st.one_of(
        st.builds(lambda items: ["list", items], st.lists(values, max_size=3)),
        st.builds(lambda items: ["tuple", items], st.lists(values, max_size=3)),
        st.builds(lambda value: ["one", value], values),
        st.builds(lambda first, second: ["two", first, second], values, values),
        st.builds(lambda items: ["dict", items], pairs),
        st.builds(lambda items: ["odict", items], st.lists(st.tuples(keys, plain).map(list), max_size=3)),
        st.builds(lambda things, hidden: ["bag", things, hidden], values, values),
        tasks(values),
        outputs(values),
        workflows(values),
        storages,
        st.builds(lambda items: ["partial", items], st.lists(st.tuples(names, values).map(list), max_size=2)),
    )


def outputs(values: st.SearchStrategy[Recipe]) -> st.SearchStrategy[Recipe]:
    return st.one_of(
        st.builds(lambda task: ["its output", task], real_tasks(values)),
        st.builds(lambda task, mode, hidden: ["kept", task, mode, hidden], tasks(values), texts, values | unidentified),
        st.builds(
            lambda *parts: ["output of", *parts],
            st.sampled_from(sorted(OUTPUTS)),
            tasks(values),
            names,
            st.booleans(),
            st.none() | storages,
        ),
    )


def workflows(values: st.SearchStrategy[Recipe]) -> st.SearchStrategy[Recipe]:
    def named(parts: st.SearchStrategy[Recipe]) -> st.SearchStrategy[Recipe]:
        return st.lists(st.tuples(texts, parts).map(list), max_size=2)

    return st.builds(
        lambda storage, tasks, artifacts: ["workflow", storage, tasks, artifacts],
        storages,
        named(real_tasks(values)),
        named(outputs(values)),
    )


def real_tasks(values: st.SearchStrategy[Recipe]) -> st.SearchStrategy[Recipe]:
    def task(name: str, fields: dict[str, st.SearchStrategy[Recipe]]) -> st.SearchStrategy[Recipe]:
        chosen = st.fixed_dictionaries({}, optional=fields)
        gpus = st.none() | st.integers(0, 4)
        return st.builds(lambda spec, given, gpu: ["task", name, spec, given, gpu], specs, chosen, gpus)

    lists = st.builds(lambda items: ["list", items], st.lists(values, max_size=2))
    dicts = st.builds(
        lambda items: ["dict", items],
        st.lists(st.tuples(texts, values).map(list), max_size=2, unique_by=lambda p: p[0]),
    )
    return task(
        "Step",
        {
            "value": values,
            "other": values,
            "needed": values,
            "note": values | unidentified,
            "when": st.builds(lambda value: ["datetime", value.isoformat()], st.datetimes()),
        },
    ) | task("Plan", {"parts": lists, "options": dicts})


def tasks(values: st.SearchStrategy[Recipe]) -> st.SearchStrategy[Recipe]:
    bare = st.builds(
        lambda name, spec, value: ["task", name, spec, {"value": value}, None],
        st.sampled_from(["Bare", "Local"]),
        specs,
        values,
    )
    deep = st.builds(
        lambda spec, extra, gpu: ["task", "Deep", spec, extra, gpu],
        specs,
        st.fixed_dictionaries({}, optional={"extra": values, "value": values}),
        st.none() | st.integers(0, 4),
    )
    wrapper = st.builds(lambda task, label, spec: ["wrapper", task, label, spec], real_tasks(values), texts, specs)
    direct = st.builds(lambda spec, gpu: ["task", "Task", spec, {}, gpu], specs, st.none() | st.integers(0, 4))
    return real_tasks(values) | bare | deep | wrapper | direct


#: Whatever 1.x accepts as parameters, nested a few levels deep.
any_value: st.SearchStrategy[Recipe] = st.recursive(plain | unidentified, containers, max_leaves=6)

#: A task of 1.x.
any_task: st.SearchStrategy[Recipe] = tasks(any_value)

#: What else has a document.
any_other: st.SearchStrategy[Recipe] = st.one_of(
    outputs(any_value),
    workflows(any_value),
    storages,
    st.builds(lambda path: ["file", path], names),
    st.builds(lambda gpu: ["resources", gpu, None], st.integers(0, 8)),
)
