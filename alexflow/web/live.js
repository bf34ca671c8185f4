"use strict";
// The live page: a snapshot and then changes, as server-sent events. Tables are texts only. A stream that breaks off is
// taken up again by the browser, and begins with a snapshot.
(() => {
  const $ = (id) => document.getElementById(id), base = document.body.dataset.base, run = location.pathname.split("/").pop();
  const canvas = $("timeline-canvas");
  let timeline = null, numbers = new Map(), last = 0, work = Promise.resolve();

  function begin(header) {
    if (!timeline) { timeline = new Timeline(canvas, $("tip"), $("status"), 1e-6); window.timeline = timeline; }
    Object.assign(timeline, { lanes: [], failures: [], built: 0, focus: null, tick: header.tick });
    numbers = new Map();
    header.numbers.forEach((number, at) => numbers.set(number, at));
  }

  function cell(row, text, number) {
    const node = row.insertCell(); node.textContent = text; if (number) node.className = "number"; return node;
  }

  function taskLink(node, name) {
    const link = document.createElement("a");
    link.href = `${base}/tasks/${encodeURIComponent(name)}`; link.textContent = name;
    node.replaceChildren(link);
  }

  // A row that says the same stays, so that the keyboard's focus, a selection and what is open outlast the next message.
  function fill(name, rows) {
    const section = $(name), body = section.querySelector("tbody"), heads = [...section.querySelectorAll("th")];
    section.hidden = !rows.length && name !== "classes";
    // A column of which nothing is known, or that is over, takes no room.
    const empty = heads.map((_, at) => rows.length > 0 && rows.every((texts) => !texts[at]));
    heads.forEach((head, at) => { head.hidden = empty[at]; });
    const known = new Map([...body.rows].map((row) => [row.dataset.key, row])), wanted = rows.map((texts) => filled(name, texts, heads, known));
    for (const row of wanted) for (const [at, each] of [...row.cells].entries()) if (each.hidden !== empty[at]) each.hidden = empty[at];
    if (wanted.length === body.rows.length && wanted.every((row, at) => row === body.rows[at])) return;
    const focused = body.contains(document.activeElement) ? document.activeElement : null;
    body.replaceChildren(...wanted);
    if (focused && focused.isConnected) focused.focus({ preventScroll: true });
  }

  function filled(name, texts, heads, known) {
    const key = name === "failures" ? texts[0] + texts[2] : texts[0], row = known.get(key) || document.createElement("tr");
    known.delete(key); row.dataset.key = key;
    const links = name === "running" || name === "failures", folds = name === "failures" && texts[4];
    texts.slice(0, heads.length).forEach((text, at) => {
      const node = row.cells[at] || cell(row, "", heads[at].className === "number");
      if (links && !at) { if (!node.firstChild) taskLink(node, text); }
      else if (folds && at === 3) { if (!node.firstChild) fold(node, text, texts[4]); }
      else if (node.textContent !== text) node.textContent = text;
    });
    return row;
  }

  function fold(node, error, printed) {
    const details = document.createElement("details"), summary = document.createElement("summary"), text = document.createElement("pre");
    summary.textContent = error; text.textContent = printed; details.append(summary, text); node.replaceChildren(details);
  }

  function legend() {
    const list = $("legend"); if (list.children.length === timeline.classes.length) return;
    list.replaceChildren(...timeline.classes.slice(0, 40).map((name, i) => {
      const item = document.createElement("li"), button = document.createElement("button"), swatch = document.createElement("span");
      swatch.className = "swatch"; swatch.style.background = `rgb(${timeline.base[i]})`; button.type = "button"; button.title = name;
      button.setAttribute("aria-pressed", String(!timeline.muted.has(i)));
      button.append(swatch, timeline.short(i)); button.onclick = () => { timeline.toggle(i, true); for (const [k, each] of [...list.querySelectorAll("button")].entries()) each.setAttribute("aria-pressed", String(!timeline.muted.has(k))); };
      item.append(button); return item;
    }));
  }

  async function change(c) {
    if (c.classes.length !== timeline.classes.length) timeline.setClasses(c.classes);
    c.numbers.forEach((number, at) => { if (!numbers.has(number)) { numbers.set(number, timeline.lanes.length); timeline.addLane(c.lanes[at]); } });
    if (c.count) {
      const raw = await inflated(bytesOf(c.data)), n = c.count, plane = (k) => raw.subarray(k * n, (k + 1) * n);
      const of = (from, width) => column(Array.from({ length: width }, (_, k) => plane(from + k)), n);
      const lane = of(0, 2), start = of(2, 8), took = of(10, 8), cls = of(18, 2), state = plane(20);
      for (let i = 0; i < n; i++) timeline.add(numbers.get(lane[i]), start[i], took[i], cls[i], state[i]);
      timeline.grew();
    }
    if (c.outcome !== "unknown") $("headline").setAttribute("aria-live", "polite");
    if ($("headline").textContent !== c.headline) $("headline").textContent = c.headline;
    document.documentElement.dataset.outcome = c.outcome;
    for (const name of Object.keys(c.tables)) fill(name, c.tables[name]);
    for (const name of Object.keys(c.left_out)) $(name).querySelector(".more").textContent = c.left_out[name];
    legend();
  }

  const source = new EventSource(`${base}/runs/${run}/events`);
  // One after the other, since unpacking waits.
  const then = (act) => { work = work.then(act).catch((error) => { console.error(error); }); };
  source.addEventListener("snapshot", (e) => then(async () => {
    const content = JSON.parse(e.data);
    last = +e.lastEventId; begin(content.header);
    unpackInto(timeline, content.header, await inflated(bytesOf(content.data)));
    timeline.build(); timeline.all(); timeline.follows = true;
    await change(content.changes);
    $("connection").textContent = ""; document.documentElement.dataset.ready = "yes";
  }));
  source.addEventListener("changes", (e) => then(async () => {
    if (+e.lastEventId <= last) return;
    last = +e.lastEventId; await change(JSON.parse(e.data));
  }));
  source.onerror = () => { $("connection").textContent = "The connection is lost; the page takes it up again by itself."; };
})();
