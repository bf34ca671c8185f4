"""The live page, asked over HTTP: it says what the record says, to whom it may, and is the same for all viewers."""

from __future__ import annotations

import base64
import re
import signal
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

import alexflow.web
from alexflow import LocalStorage
from alexflow.errors import DefinitionError
from tests.timeline.recorded_runs import RUN, WrittenRun
from tests.web.served import Viewer, get, served


@pytest.fixture
def written(tmp_path: Path) -> WrittenRun:
    run = WrittenRun(300, 3, failing=0.05, seed=7)
    run.write(LocalStorage(tmp_path))
    return run


def test_pages_of_runs_tasks_and_searches(tmp_path: Path, written: WrittenRun) -> None:
    done, failed = written.completions[0][0], written.failed[0][0]
    with served(alexflow.web.app(LocalStorage(tmp_path))) as port:
        status, _, text = get(port, "/")
        assert (status, RUN in text) == (200, True)
        assert f"{len(written.completions):,}" in text
        assert get(port, f"/runs/{RUN}")[0] == 200
        assert get(port, "/runs/none")[0] == 404
        assert get(port, "/runs/none/events")[0] == 204
        status, headers, text = get(port, f"/runs/{RUN}/report")
        assert (status, "Why it took that long" in text) == (200, True)
        assert "sha256-" in headers["content-security-policy"]
        status, _, text = get(port, f"/tasks/{written.task_id(done)}")
        assert (status, "&lt;b&gt;&amp;amp;" in text, "<b>&" in text) == (200, True, False)
        status, _, text = get(port, f"/tasks/{written.task_id(failed)}")
        assert status == 200
        assert "given up" in text or "It reads" in text
        given_up = next(task for task, _, _, last, _ in written.failed if last)
        name, _, digest = written.task_id(given_up).rpartition(".")
        status, headers, _ = get(port, f"/search?q={name.rpartition('.')[2]}.{digest[:8]}")
        assert (status, headers["location"]) == (303, f"/tasks/{name.rpartition('.')[2]}.{digest[:8]}")
        text = get(port, headers["location"])[2]
        assert "<pre>cd /home &amp;&amp; python script.py</pre>" in text, "the record of outputs cannot make it again"
        assert get(port, "/tasks/nothing")[0] == 404
        assert f"n={done}," in get(port, f"/search?q=n%3D{done}")[2]
        assert f"n={done}," in get(port, f"/search?q=n%3D%3D{done}")[2]
        assert "is not" in get(port, "/search?q=n%7E%3D%28")[2] or get(port, "/search?q=n%7E%3D%28")[0] == 200
        assert "text/javascript" in get(port, "/assets/timeline.js")[1]["content-type"]
        assert get(port, "/assets/../secret")[0] == 404


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "evil.example"}, 403),
        ({"Host": "localhost.evil.example:80"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"method": "POST"}, 405),
        ({"Host": "[::1]:1"}, 200),
        ({"Origin": "http://localhost:1"}, 200),
    ],
)
def test_who_may_ask(tmp_path: Path, written: WrittenRun, headers: dict[str, str], status: int) -> None:
    with served(alexflow.web.app(LocalStorage(tmp_path))) as port:
        found, answered, _ = get(port, "/", **headers)
    assert found == status
    if status == 200:
        assert "default-src 'none'; script-src 'self'" in answered["content-security-policy"]
        assert answered["x-content-type-options"] == "nosniff"


def attempts_in(message: dict[str, Any]) -> list[tuple[int, ...]]:
    """The lane, start, duration, class and state of each attempt of a message: another reader of its columns."""
    if not message["count"]:
        return []
    raw, count = zlib.decompress(base64.b64decode(message["data"]), -15), message["count"]
    columns, at = [], 0
    for width in (2, 8, 8, 2, 1):
        planes = [raw[(at + k) * count : (at + k + 1) * count] for k in range(width)]
        columns.append([sum(plane[i] << (8 * k) for k, plane in enumerate(planes)) for i in range(count)])
        at += width
    return list(zip(*columns, strict=True))


def test_viewers_get_the_same_bytes_and_every_attempt(tmp_path: Path) -> None:
    written = WrittenRun(2_000, 3, failing=0.02, seed=8)
    written.write(LocalStorage(tmp_path))
    (file,) = tmp_path.rglob("*.segment")
    data = file.read_bytes()
    file.write_bytes(data[:-60_000])
    with served(alexflow.web.app(LocalStorage(tmp_path))) as port:
        first = Viewer(port, RUN)
        kind, _, snapshot = first.next()
        assert kind == "snapshot"
        count = snapshot["header"]["count"]
        second = Viewer(port, RUN)
        assert second.next()[2]["header"]["count"] == count
        with file.open("r+b") as growing:
            growing.seek(len(data) - 60_000)
            growing.write(data[len(data) - 60_000 :])
        seen: list[list[tuple[int, ...]]] = [[], []]
        last: list[dict[str, Any]] = [{}, {}]
        for at, viewer in enumerate((first, second)):
            while last[at].get("outcome") != "failed":
                last[at] = viewer.next()[2]
                seen[at] += attempts_in(last[at])
        third = Viewer(port, RUN)
        assert third.next()[2]["header"]["count"] <= len(written.completions) + len(written.failed)
        for viewer in (first, second, third):
            viewer.close()
    assert seen[0] == seen[1]
    assert count + len(seen[0]) == len(written.completions) + len(written.failed)
    assert last[0] == last[1]
    assert sum(int(row[1].replace(",", "")) for row in last[0]["tables"]["classes"]) == len(written.completions)


def test_hosts_are_a_list_and_may_have_ports(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"is a list of names, such as \['localhost'\]"):
        alexflow.web.app(LocalStorage(tmp_path), hosts="localhost")
    with served(alexflow.web.app(LocalStorage(tmp_path), hosts=["jobs.example.org:8443", "::1"])) as port:
        for host, status in (("jobs.example.org", 200), ("jobs.example.org:1", 200), ("[::1]:1", 200), ("8443", 403)):
            assert get(port, "/", Host=host)[0] == status


def in_starlette(page: Any) -> Any:
    from starlette.applications import Starlette
    from starlette.routing import Mount

    return Starlette(routes=[Mount("/seen", page)])


def in_fastapi(page: Any) -> Any:
    application = pytest.importorskip("fastapi").FastAPI()
    application.mount("/seen", page)
    return application


def in_litestar(page: Any) -> Any:
    litestar = pytest.importorskip("litestar")
    return litestar.Litestar([litestar.asgi("/seen", is_mount=True, copy_scope=True)(page)])


@pytest.mark.parametrize("mounted", [in_starlette, in_fastapi, in_litestar])
def test_a_page_that_is_mounted_has_its_links_below_its_path(
    tmp_path: Path, written: WrittenRun, mounted: Callable[[Any], Any]
) -> None:
    with served(mounted(alexflow.web.app(LocalStorage(tmp_path), hosts=["localhost"]))) as port:
        status, _, text = get(port, "/seen/")
        assert status == 200
        links = re.findall(r'(?:href|src|action)="(/[^"]*)"', text)
        assert f"/seen/runs/{RUN}" in links
        status, _, text = get(port, f"/seen/runs/{RUN}")
        assert (status, 'src="/seen/assets/live.js"' in text) == (200, True)
        links += re.findall(r'(?:href|src|action)="(/[^"]*)"', text)
        assert {link: get(port, link)[0] for link in links} == dict.fromkeys(links, 200)
        failed = written.task_id(written.failed[0][0])
        assert (
            get(port, f"/seen/search?q={failed}")[1].get("location", f"/seen/tasks/{failed}") == f"/seen/tasks/{failed}"
        )
        viewer = Viewer(port, RUN, "/seen")
        assert viewer.next()[0] == "snapshot"
        viewer.close()


def test_a_run_whose_engine_was_killed_has_nothing_left(tmp_path: Path) -> None:
    script, storage = tmp_path / "killed.py", tmp_path / "st"
    script.write_text(KILLED)
    killed = subprocess.run([sys.executable, script, str(storage)], check=False)
    assert killed.returncode == -signal.SIGKILL
    with served(alexflow.web.app(storage)) as port:
        (run,) = re.findall(r'href="/runs/([^"]+)"', get(port, "/")[2])
        viewer = Viewer(port, run)
        changes = viewer.next()[2]["changes"]
        viewer.close()
        task = get(port, f"/tasks/{changes['tables']['running'][0][0]}")[2]
        assert "it has begun, and is not recorded as done" in task
        assert '<td class="number">not there</td>' in task
        assert '<span class="bad">was killed</span>' in get(port, "/")[2]
        report = get(port, f"/runs/{run}/report")[2]
    assert re.search(r'<span class="bad">was killed</span> after [\d.]+ m?s</h1>', report)
    assert "<b>1</b><span>were under way</span>" in report
    assert changes["headline"].startswith("was killed: 1 done, 1 were under way")
    ((_, done, under_way, *_, left),) = changes["tables"]["classes"]
    assert (done, under_way, left) == ("1", "1", "")
    ((_, where, _),) = changes["tables"]["running"]
    assert where == "its engine was killed"


KILLED = """
import asyncio, os, signal, sys
from dataclasses import dataclass
import alexflow
from alexflow import JSONOutput, Task

@dataclass(frozen=True)
class Step(Task):
    n: int
    def output(self):
        return self.build_output(JSONOutput[int], key="s.json")
    async def run(self, input, output):
        if self.n:
            await asyncio.sleep(2)  # the record is written meanwhile
            os.kill(os.getpid(), signal.SIGKILL)
        await output.astore(self.n)

async def main():
    async with alexflow.Engine(sys.argv[1]) as engine:
        await engine.run([Step(0), Step(1)])

asyncio.run(main())
"""
