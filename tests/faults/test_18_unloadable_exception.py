"""18: an exception that cannot be brought over fails only its task, and is told in full as text."""

from __future__ import annotations

import pytest

from alexflow import Engine
from alexflow.errors import RunFailed, TaskFailed
from tests.faults.exceptions import KINDS, Raises
from tests.faults.workflows import Number

pytestmark = pytest.mark.anyio

ELSEWHERE = """
class Odd(Exception):
    def __init__(self, *, code):
        super().__init__(f"odd {code}")
"""


@pytest.mark.parametrize(
    ("kind", "executor"),
    [(kind, "process") for kind in KINDS]
    + [(kind, "thread") for kind in KINDS if kind != "elsewhere"],  # a thread imports what the engine imports
)
async def test_only_that_task_fails(place, tmp_path, kind, executor):
    (tmp_path / "only_the_worker_has_it.py").write_text(ELSEWHERE)
    async with Engine(place, workers=1, executor=executor) as engine:
        await engine.run(Number(-1))
        tasks = [Number(n) for n in range(50)]
        result = await engine.run([tasks[:25], Raises(kind, str(tmp_path)), tasks[25:]], on_error="continue")
        assert (result.ran, result.failed) == (50, 1)
        (error,) = result.failures
        assert isinstance(error, TaskFailed)
        error_type, message = KINDS[kind]
        assert error.error_type == error_type
        assert error.error_message == message
        assert f"raise_{kind}" in error.traceback
        assert "exceptions.py" in error.traceback or "only_the_worker" in error.traceback
        assert error_type in str(error)
        assert message in str(error)


async def test_the_exception_itself_comes_along_where_it_can(place, tmp_path):
    async with Engine(place, workers=1) as engine:
        for kind, comes in {"plain": True, "keyword_only": False, "elsewhere": False}.items():
            (tmp_path / "only_the_worker_has_it.py").write_text(ELSEWHERE)
            with pytest.raises(RunFailed) as caught:
                await engine.run(Raises(kind, str(tmp_path)))
            (error,) = caught.value.exceptions
            assert (error.__cause__ is not None) is comes
            if comes:
                assert type(error.__cause__) is ValueError
                assert error.__cause__.args == ("plain",)
