"""Ids and documents of 1.1.4, as it gave them once: they stay."""

from __future__ import annotations

import json

import former_tasks
import pytest

from alexflow import legacy
from tests.legacy.golden import GOLDEN

SAMPLE = [json.loads(line) for line in GOLDEN.read_text().splitlines()]


def test_there_is_a_sample():
    assert len(SAMPLE) > 100


@pytest.mark.parametrize("index", range(len(SAMPLE)))
def test_id_and_document_are_those_of_1_1_4(index):
    expected = SAMPLE[index]
    answer = former_tasks.answer(expected["recipe"])
    assert answer["id"] == expected["id"]
    assert answer["document"] == expected["document"]


@pytest.mark.parametrize("index", range(len(SAMPLE)))
def test_what_a_document_of_1_1_4_was_made_from_comes_back(index):
    expected = SAMPLE[index]
    task = legacy.deserialize(json.loads(expected["document"]))
    assert json.loads(json.dumps(legacy.serialize(task), sort_keys=True)) == json.loads(expected["document"])
    assert task.task_id == _id_of_read(expected)


def _id_of_read(expected):
    """The id; JSON knows no keys but strings, and so 1.1.4 reads back other tasks than it has written, too."""
    return former_tasks.build(expected["recipe"]).task_id
