"""The documentation's code is run as it stands: the Python blocks of a page, one after the other, as one script.

A block marked ``output`` is what the script prints about there; ``…`` stands for what differs from start to start.
A page whose blocks need a package that is missing is skipped.
"""

import importlib.util
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import alexflow

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")), *sorted((ROOT / "docs/extending").glob("*.md"))]

FENCE = re.compile(r"^( *)```(\w*)")


def blocks(page: Path, language: str) -> list[tuple[int, list[str]]]:
    """The page's blocks in a language, each with the number of its first line (from 0)."""
    found: list[tuple[int, list[str]]] = []
    inside: list[str] | None = None
    for number, line in enumerate(page.read_text().splitlines()):
        fence = FENCE.match(line)
        if fence is None:
            if inside is not None:
                inside.append(line)
        elif inside is not None:
            inside = None
        else:
            inside = []
            if fence[2] == language:
                found.append((number + 1, inside))
    return found


def script(page: Path) -> str:
    """All Python blocks, on the lines on which they stand in the page, so that a traceback points there."""
    lines = [""] * len(page.read_text().splitlines())
    for start, block in blocks(page, "python"):
        lines[start : start + len(block)] = block
    return "\n".join(lines) + "\n"


def pattern(line: str) -> str:
    return ".*".join(map(re.escape, line.split("…")))


def ids(pages: list[Path]) -> list[str]:
    return [str(page.relative_to(ROOT)) for page in pages]


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_python_blocks_run_and_print_what_is_shown(page: Path, tmp_path: Path) -> None:
    code = script(page)
    if not code.strip():
        pytest.skip("no Python blocks")
    optional = (
        "sklearn",
        "aiohttp",
        "luigi",
        "matplotlib",
        "fastapi",
        "litestar",
        "flask",
        "django",
        "h5py",
        "numpy",
        "pandas",
        "opentelemetry",
    )
    for module in (*optional, "torch", "lightning"):
        if re.search(f"(import|from) {module}\\b", code) and importlib.util.find_spec(module) is None:
            pytest.skip(f"needs {module}")
    file = tmp_path / f"{page.stem.replace('-', '_').lower()}.py"
    file.write_text(code)
    done = subprocess.run([sys.executable, str(file)], capture_output=True, text=True, cwd=tmp_path, timeout=100)
    assert done.returncode == 0, done.stderr
    rest = done.stdout
    for number, block in blocks(page, "output"):
        for line in block:
            found = re.search(f"^{pattern(line)}$", rest, re.MULTILINE)
            assert found is not None, f"{page.name}:{number}: {line!r} is not printed, or not there:\n{done.stdout}"
            rest = rest[found.end() :]


LINK = re.compile(r"\[[^\]]*\]\(([^)#:]+)(?:#[^)]*)?\)")
LINKING = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


@pytest.mark.parametrize("page", LINKING, ids=ids(LINKING))
def test_links_lead_to_files(page: Path) -> None:
    broken = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert not broken


TESTS = re.compile(r"\btests/[\w/.*-]*\w")


@pytest.mark.parametrize("page", LINKING, ids=ids(LINKING))
def test_tests_that_a_page_names_exist(page: Path) -> None:
    missing = [name for name in TESTS.findall(page.read_text()) if not any(ROOT.glob(name))]
    assert not missing


ANCHOR = re.compile(r"\[[^\]]*\]\(([^)#:]*)#([^)]*)\)")


def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as the site's builder makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[\s-]+", "-", re.sub(r"[^\w\s-]", "", heading.lower())).strip("-") for heading in headings}


@pytest.mark.parametrize("page", LINKING, ids=ids(LINKING))
def test_links_into_pages_lead_to_headings(page: Path) -> None:
    links = [(page.parent / name if name else page, anchor) for name, anchor in ANCHOR.findall(page.read_text())]
    broken = [(to.name, anchor) for to, anchor in links if to.suffix == ".md" and anchor not in anchors(to)]
    assert not broken


SESSION = re.compile(r"nox -s (\w+)")


def test_the_reference_has_all_that_is_public() -> None:
    page = (ROOT / "docs" / "reference.md").read_text()
    shown = set(re.findall(r"^::: (\S+)$", page, re.MULTILINE))
    public = {
        f"alexflow.{name}"
        for name in alexflow.__all__
        if inspect.isroutine(thing := getattr(alexflow, name))
        or (isinstance(thing, type) and thing.__module__ != "alexflow.errors")  # which is shown as a whole
    }
    public -= {"alexflow.AbstractTask"}  # what Task and the others have in common is shown with them
    assert public - shown == set()


def test_commands_of_the_readme_exist() -> None:
    sessions = set(re.findall(r"@nox\.session\ndef (\w+)", (ROOT / "noxfile.py").read_text()))
    assert set(SESSION.findall((ROOT / "README.md").read_text())) <= sessions


@pytest.mark.parametrize("session", ["example", "tests"])
def test_the_readme_has_the_two_commands_that_set_everything_up(session: str) -> None:
    assert f"\npython3 -m pip install nox && python3 -m nox -s {session} " in (ROOT / "README.md").read_text()
