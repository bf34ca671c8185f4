"""Figures of a large report in a browser: python -m tests.browser.measure [TASKS ...]

For each size: bytes of the file, milliseconds until it is drawn, and processor time of the renderer until then;
median milliseconds of scripting in a step to the
side at four scales, frames a second meanwhile, and MiB of the renderer's private memory over that of an empty page.
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

PAN = """async (scale) => {
  const t = window.timeline; t.all(); if (scale > 1) t.zoom(1 / scale, 0.3);
  const spent = [], frames = t.frames; let begun = 0;
  for (let i = 0; i < 90; i++) {
    if (i === 30) begun = performance.now();
    t.pan(i % 60 < 30 ? 0.01 : -0.01);
    await new Promise(requestAnimationFrame); await new Promise(requestAnimationFrame);
    if (i >= 30) spent.push(t.spent);
  }
  spent.sort((a, b) => a - b);
  return [spent[30], 120 / ((performance.now() - begun) / 1000), t.frames - frames];
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


def cpu_seconds() -> float:
    """The processor time of the renderer that has used most, in seconds."""
    most = 0.0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"--type=renderer" in (process / "cmdline").read_bytes():
                fields = (process / "stat").read_text().rpartition(")")[2].split()
                most = max(most, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK"))
        except OSError:
            continue
    return most


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
    page.goto(file.as_uri())
    page.wait_for_selector("html[data-ready=yes]", state="attached", timeout=120_000)
    found: dict[str, float | str] = {
        "bytes": file.stat().st_size,
        "drawn_ms": round(page.evaluate("performance.now()")),
        "renderer_cpu_s": round(cpu_seconds(), 2),
    }
    for scale in (1, 4, 16, 256):
        spent, frames, _ = page.evaluate(PAN, scale)
        found[f"step_{scale}x_ms"] = round(spent, 2)
        found[f"frames_{scale}x"] = round(frames, 1)
    found["private_mib"] = round(private_mib() - empty, 1)
    browser.close()
    return found


if __name__ == "__main__":
    for size in map(int, sys.argv[1:] or ["1000", "1000000"]):
        print(json.dumps(measure(size)), flush=True)
