"""Each kind of reference is followed, and nothing besides."""

from __future__ import annotations

from pathlib import Path

import pytest

from alexflow.fingerprint import names_that_differ
from tests.fingerprint.programs import Case, cases, fingerprint


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in cases()])
def test_an_edit_changes_the_fingerprint_if_it_changes_what_runs(case: Case, folder: Path) -> None:
    before = fingerprint(case.before(), folder)
    assert before.units
    assert fingerprint(case.before(), folder) == before
    after = fingerprint(case.after(), folder)
    assert (before.digest != after.digest) is case.changes
    assert bool(names_that_differ(before, after)) is case.changes
