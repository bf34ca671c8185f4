"use strict";
// The report: unpack what the file holds, and put the timeline in the place of its still picture.
(async () => {
  const $ = (id) => document.getElementById(id), data = (id) => { const node = $(id), text = node.textContent; node.remove(); return text; };
  if (typeof DecompressionStream === "undefined") return;
  const header = JSON.parse(data("timeline-header")), raw = await inflated(bytesOf(data("timeline-data")));
  const canvas = $("timeline-canvas"), tip = $("tip");
  canvas.hidden = false; $("still").remove(); $("tools").hidden = false;
  const timeline = new Timeline(canvas, tip, $("status"), header.tick);
  window.timeline = timeline;
  unpackInto(timeline, header, raw);
  const found = JSON.parse(new TextDecoder().decode(await inflated(bytesOf(data("details-data")))));
  found.lane.forEach((lane, k) => {
    timeline.lanes[lane].details.set(found.place[k], { id: found.id[k], fields: found.fields[k], attempt: found.attempt[k], cpu: found.cpu[k], rss: found.rss[k],
      stored: found.stored[k], path: found.path[k] });
    if (found.path[k]) timeline.path.push([lane, found.place[k]]);
  });
  timeline.path.sort(([a, i], [b, j]) => timeline.lanes[a].start[i] - timeline.lanes[b].start[j]);
  timeline.without = "its parameters are not in this file: alexflow show says them";
  timeline.build(); timeline.all();
  const legend = $("legend"), names = header.classes.map((name, i) => [name, i, header.counts[i]]).sort((a, b) => b[2] - a[2]);
  for (const [name, i, count] of names.slice(0, 40)) {
    const item = document.createElement("li"), button = document.createElement("button"), swatch = document.createElement("span");
    swatch.className = "swatch"; swatch.style.background = `rgb(${timeline.base[i]})`;
    button.type = "button"; button.title = `${name}: click to show it alone, again for all`;
    button.append(swatch, `${timeline.short(i)} ${count.toLocaleString("en")}`);
    button.setAttribute("aria-pressed", "true"); button.dataset.cls = i;
    button.onclick = () => { timeline.toggle(i, true); for (const each of legend.querySelectorAll("button")) each.setAttribute("aria-pressed", String(!timeline.muted.has(+each.dataset.cls))); };
    item.append(button); legend.append(item);
  }
  const acts = { all: () => timeline.all(), in: () => timeline.zoom(0.5), out: () => timeline.zoom(2), failure: () => timeline.step(timeline.failures, 1, "failures"), path: () => timeline.step(timeline.path, 1, "critical path") };
  $("tools").addEventListener("click", (e) => { const button = e.target.closest("button"); if (button) acts[button.dataset.act](); });
  $("status").textContent = "Drag to move, Ctrl and the wheel to zoom (after a click, the wheel alone); keys: arrows, + − 0, n for the next failure, p along the critical path.";
  document.documentElement.dataset.ready = "yes";
})();
