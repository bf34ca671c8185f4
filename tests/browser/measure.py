"""Figures of a large report in a browser: python -m tests.browser.measure [TASKS ...]

For each size: bytes of the file, milliseconds until it is drawn, and processor time of the renderer until then. Then,
at four scales, a step to the side: median milliseconds of scripting in it, and processor time of the browser for it,
scripting and painting together, over what the same frames take in which nothing moves, which stands beside it. At last
frames a second meanwhile, and MiB of the renderer's private memory over that of an empty page.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from alexflow import LocalStorage
from alexflow.report import write_report
from tests.timeline.recorded_runs import WrittenRun

STEPS = 120

PAN = """async ([scale, steps, moves]) => {
  const t = window.timeline; t.all(); if (scale > 1) t.zoom(1 / scale, 0.3);
  const spent = [], begun = performance.now();
  for (let i = 0; i < steps; i++) {
    if (moves) t.pan(i % 60 < 30 ? 0.01 : -0.01);
    await new Promise(requestAnimationFrame); await new Promise(requestAnimationFrame);
    spent.push(t.spent);
  }
  spent.sort((a, b) => a - b);
  return [spent[steps >> 1], 2 * steps / ((performance.now() - begun) / 1000)];
}"""


def private_mib() -> float:
    """The private memory of the largest renderer, in MiB."""
    most = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"--type=renderer" in (process / "cmdline").read_bytes():
                lines = (process / "smaps_rollup").read_text().splitlines()
                most = max(most, sum(int(line.split()[1]) for line in lines if line.startswith("Private_")))
        except OSError:
            continue
    return most / 1024


def cpu_seconds(*kinds: str) -> float:
    """The processor time of this browser's processes of some kinds, in seconds."""
    used = 0.0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            if any(f"--type={kind}".encode() in command for kind in kinds):
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                used += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except OSError:
            continue
    return used


def measure(tasks: int, lanes: int = 64) -> dict[str, float | str]:
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        storage = LocalStorage(directory)
        WrittenRun(tasks, lanes, 20, reads=5, failing=0.0005).write(storage)
        file = Path(directory) / "report.html"
        begun = time.perf_counter()
        write_report(storage, None, file)
        written = time.perf_counter() - begun
        return {"tasks": tasks, "written_s": round(written, 1)} | opened(playwright, file)


def opened(playwright: Any, file: Path) -> dict[str, float | str]:
    arguments = ["--no-sandbox", "--disable-gpu"]
    browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=arguments)
    page = browser.new_page(viewport={"width": 1500, "height": 900})
    page.goto("about:blank")
    empty = private_mib()
    before = cpu_seconds("renderer")
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-ready=yes]", state="attached", timeout=120_000)
    found: dict[str, float | str] = {
        "bytes": file.stat().st_size,
        "drawn_ms": round(page.evaluate("performance.now()")),
        "renderer_cpu_s": round(cpu_seconds("renderer") - before, 2),
    }
    for scale in (1, 4, 16, 256):
        page.evaluate(PAN, [scale, STEPS // 2, True])  # until it is compiled
        idle, _, _ = of_steps(page, scale, moves=False)
        step, spent, frames = of_steps(page, scale, moves=True)
        found |= {f"step_{scale}x_script_ms": spent, f"step_{scale}x_ms": round(step - idle, 2)}
        found |= {f"idle_{scale}x_ms": round(idle, 2), f"frames_{scale}x": frames}
    found["private_mib"] = round(private_mib() - empty, 1)
    browser.close()
    return found


def of_steps(page: Any, scale: int, *, moves: bool) -> tuple[float, float, float]:
    """Milliseconds of processor time for a step, those of scripting, and frames a second."""
    before = cpu_seconds("renderer", "gpu-process")
    spent, frames = page.evaluate(PAN, [scale, STEPS, moves])
    return (cpu_seconds("renderer", "gpu-process") - before) / STEPS * 1000, round(spent, 2), round(frames, 1)


if __name__ == "__main__":
    for size in map(int, sys.argv[1:] or ["1000", "1000000"]):
        print(json.dumps(measure(size)), flush=True)
