"""Random histories of a pool that get smaller when they go wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.pool.player import Player
from tests.stateful.thoroughness import PROFILE

T = TypeVar("T")


class Drawn:
    """Decisions that hypothesis makes."""

    def __init__(self, data: Any):
        self.data = data

    def choice(self, items: Sequence[T], /) -> T:
        drawn: T = self.data.draw(st.sampled_from(items))
        return drawn

    def randint(self, low: int, high: int, /) -> int:
        drawn: int = self.data.draw(st.integers(low, high))
        return drawn


class Pools(RuleBasedStateMachine):
    """A pool and all that can happen to it."""

    @initialize(data=st.data())
    def begin(self, data: Any) -> None:
        self.player = Player(Drawn(data))

    @rule(data=st.data(), which=st.integers(0, 100))
    def go_on(self, data: Any, which: int) -> None:
        self.player.chooser = Drawn(data)
        actions = self.player.actions
        actions[which % len(actions)]()

    def teardown(self) -> None:
        if hasattr(self, "player"):
            self.player.finish()


TestPools = Pools.TestCase
TestPools.settings = PROFILE
