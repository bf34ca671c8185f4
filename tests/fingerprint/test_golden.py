"""Digests of code are pinned: stored fingerprints are compared with those of other Pythons, and of years ago."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec

from alexflow.fingerprint.normal_form import DEEPEST_CODE, LONGEST_CHAIN
from alexflow.fingerprint.summarize import summarize
from alexflow.fingerprint.summary import NORMAL_FORM, ModuleSummary, digest_of

HERE = Path(__file__).parent
SOURCE = (HERE / "golden.py.txt").read_bytes()
GOLDEN = (HERE / f"golden-{NORMAL_FORM}.txt").read_text()


def lines(summary: ModuleSummary) -> str:
    """Each unit with its digest, and a digest of everything else that the linker reads."""
    units = [f"{name} {unit.digest} {unit.docstrings}".strip() for name, unit in sorted(summary.units.items())]
    return "\n".join([*units, digest_of(msgspec.json.encode(summary).decode())]) + "\n"


def test_digests_are_those_of_before() -> None:
    assert lines(summarize("pkg.sub.golden", SOURCE)) == GOLDEN


def test_code_written_otherwise_has_the_same_digests() -> None:
    written = ast.unparse(ast.parse(SOURCE)).encode()
    assert lines(summarize("pkg.sub.golden", written)) == GOLDEN


def is_opaque(source: str) -> bool:
    return list(summarize("m", source.encode()).units) == ["<0>"]


def test_long_chains_are_read() -> None:
    assert not is_opaque("x = " + " + ".join(["a"] * 500))
    assert not is_opaque("if a:\n    b = 1\n" + "elif a:\n    b = 1\n" * 300)
    arms = "".join(f"    elif a == {n}:\n        return {n}\n" for n in range(400))
    assert not is_opaque("def f(a):\n    if a:\n        return 1\n" + arms)


def test_what_some_python_could_not_read_counts_by_its_bytes() -> None:
    for source in (
        "x = " + " + ".join(["a"] * (LONGEST_CHAIN + 2)),
        "x = " + "a.b(" * (DEEPEST_CODE + 1) + ")" * (DEEPEST_CODE + 1),
        "x = (",
        "x = 1\0",
    ):
        assert is_opaque(source)
        assert summarize("m", source.encode()) != summarize("m", f"{source} ".encode())
