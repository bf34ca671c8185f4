"""The simulation can fail: a bug that is planted is found by some seed, shrunk, saved, and shows again in a replay."""

import logging

import pytest

from tests.simulation.judge import complaints
from tests.simulation.planted import PLANTS, Plant, what_exists_is_made_again
from tests.simulation.saved import replay, save
from tests.simulation.scenario import random_scenario
from tests.simulation.shrinking import kinds, shrink
from tests.simulation.trial import play

SEEDS = range(1000)


@pytest.fixture(autouse=True)
def quiet(caplog):
    caplog.set_level(logging.CRITICAL + 1, logger="alexflow")


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_a_seed_finds_it(plant: Plant, monkeypatch):
    with monkeypatch.context() as patch:
        plant(patch)
        seed = next(seed for seed in SEEDS if complaints(play(random_scenario(seed))))
    assert not complaints(play(random_scenario(seed)))  # it was the bug


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.__name__)
def test_it_is_shrunk_saved_and_replayed(plant: Plant, monkeypatch, tmp_path):
    file = tmp_path / "seed.json"
    with monkeypatch.context() as patch:
        plant(patch)
        seed = next(seed for seed in SEEDS if complaints(play(random_scenario(seed))))
        scenario = random_scenario(seed)
        smaller = shrink(scenario)
        assert len(smaller.tasks) <= len(scenario.tasks)
        saved = save(smaller, file)
        assert kinds(saved.complaints) & kinds(complaints(play(scenario)))
        played = replay(file)
        assert (played.complaints, played.deviates_at) == (saved.complaints, None)
    cured = replay(file)
    assert not cured.complaints
    assert cured.deviates_at is not None
    assert f"the history deviates at line {cured.deviates_at}" in str(cured)


def test_little_is_left_of_a_large_scenario(monkeypatch):
    what_exists_is_made_again(monkeypatch)
    sizes = [len(shrink(random_scenario(seed)).tasks) for seed in range(40) if complaints(play(random_scenario(seed)))]
    assert sizes
    assert max(sizes) <= 2
