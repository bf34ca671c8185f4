"""Ids and documents of 1.1.4, as it gave them once: they stay."""

from __future__ import annotations

import json

import former_tasks
import pytest

from alexflow import legacy
from tests.legacy.golden import GOLDEN

SAMPLE = [json.loads(line) for line in GOLDEN.read_text().splitlines()]


def test_there_is_a_sample_of_all_that_has_a_document():
    assert len(SAMPLE) > 500
    text = GOLDEN.read_text()
    for name in (
        *("Step", "Plan", "Bag", "Wrapped", "Bare", "Kept", "Workflow", "LocalStorage", "CompositeStorage"),
        *("File", "Dir", "ResourceSpec", "Partial", "H5FileOutput", "BinaryDatasetOutput"),
    ):
        assert f':{name}\\"' in text, name


@pytest.mark.parametrize("index", range(len(SAMPLE)))
def test_id_and_document_are_those_of_1_1_4(index):
    expected = SAMPLE[index]
    answer = former_tasks.answer(expected["recipe"])
    assert answer["id"] == expected["id"]
    assert answer["document"] == expected["document"]


@pytest.mark.parametrize("index", range(len(SAMPLE)))
def test_what_a_document_of_1_1_4_was_made_from_comes_back(index):
    expected = SAMPLE[index]
    thing = legacy.deserialize(json.loads(expected["document"]))
    assert json.loads(json.dumps(legacy.serialize(thing), sort_keys=True)) == json.loads(expected["document"])
    if expected["id"] is not None:  # else it is no task, or holds what ids of 1.x refuse
        assert thing.task_id == expected["id"]
