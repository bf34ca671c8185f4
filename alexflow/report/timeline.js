"use strict";
// A timeline of any number of tasks on one canvas. One image row a lane, scaled up by one call, so that a frame costs
// width x rows and not the number of tasks: while several tasks share a pixel it is drawn from a pyramid of mixed colours,
// and below that exactly. Counts under the pointer are always exact. All text goes through textContent.
const MAX_ROWS = 320, CELLS = 1 << 21, TOP = 24;

function durationText(seconds) {
  const s = Math.abs(seconds);
  if (s < 0.001) return (seconds * 1e6).toFixed(0) + " µs";
  if (s < 0.1) return (seconds * 1e3).toFixed(1) + " ms";
  if (s < 100) return seconds.toFixed(s < 10 ? 2 : 1) + " s";
  const m = Math.round(seconds / 60);
  if (s < 3600) return Math.floor(seconds / 60) + " min " + String(Math.round(seconds % 60)).padStart(2, "0") + " s";
  return Math.floor(m / 60) + " h " + String(m % 60).padStart(2, "0") + " min";
}

function bytesText(count) {
  for (const unit of ["B", "kB", "MB", "GB", "TB"]) {
    if (count < 999.5 || unit === "TB") return (unit === "B" || count >= 99.5 ? count.toFixed(0) : count.toFixed(1)) + " " + unit;
    count /= 1000;
  }
}

function bytesOf(base64) {
  if (Uint8Array.fromBase64) return Uint8Array.fromBase64(base64);
  const text = atob(base64), bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}

async function inflated(bytes) {
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate-raw"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

// A column of n numbers from byte planes, the lowest byte first. Multiplication, since | and << end at 32 bits.
function column(planes, n) {
  const numbers = new Float64Array(n);
  let factor = 1;
  planes.forEach((plane, k) => {
    if (k) factor *= 256;
    if (plane) for (let i = 0; i < n; i++) numbers[i] += plane[i] * factor;
  });
  return numbers;
}

// A pixel of an image, opaque; red is the lowest byte, as on every machine that has a browser.
function packed(r, g, b) { return ((255 << 24) | ((b > 255 ? 255 : b) << 16) | ((g > 255 ? 255 : g) << 8) | (r > 255 ? 255 : r)) >>> 0; }

// The number at a place of a column, without making the column.
function reader(planes) {
  const parts = planes.map((plane, k) => [plane, 256 ** k]).filter(([plane]) => plane);
  return (i) => { let sum = 0; for (let k = 0; k < parts.length; k++) sum += parts[k][0][i] * parts[k][1]; return sum; };
}

// Colours of similar lightness; no reds, which are for failures.
function classColours(count) {
  const hues = [212, 36, 145, 275, 188, 55, 310, 95, 240, 168];
  return Array.from({ length: count }, (_, i) => {
    const h = (hues[i % 10] + Math.floor(i / 10) * 17) % 330 + 15, l = [0.5, 0.62, 0.42][Math.floor(i / 10) % 3], s = 0.58;
    const a = s * Math.min(l, 1 - l);
    const f = (n) => { const k = (n + h / 30) % 12; return Math.round(255 * (l - a * Math.max(-1, Math.min(k - 3, 9 - k, 1)))); };
    return [f(0), f(8), f(4)];
  });
}

class TaskLane {
  constructor(label) { this.label = label; this.n = 0; this.details = new Map(); this.reserve(16); }
  reserve(size) {
    const grown = (Kind, old) => { const a = new Kind(size); if (old) a.set(old.subarray(0, this.n)); return a; };
    this.start = grown(Float64Array, this.start); this.took = grown(Float64Array, this.took);
    this.cls = grown(Uint16Array, this.cls); this.state = grown(Uint8Array, this.state);
  }
  append(start, took, cls, state) {
    if (this.n === this.start.length) this.reserve(this.n * 2);
    const i = this.n++;
    this.start[i] = start; this.took[i] = took; this.cls[i] = cls; this.state[i] = state;
  }
  // The first task that begins at or after t.
  lower(t) {
    let a = 0, b = this.n;
    while (a < b) { const m = (a + b) >>> 1; if (this.start[m] < t) a = m + 1; else b = m; }
    return a;
  }
}

class Timeline {
  // tick: seconds of one unit of time.
  constructor(canvas, tip, status, tick) {
    Object.assign(this, { canvas, tip, status, tick, lanes: [], classes: [], colours: [], muted: new Set(), levels: [], end: 1, from: 0, to: 1,
      failures: [], path: [], dirty: true, follows: true, frames: 0, spent: 0, states: ["done", "failed", "failed, tried again", "done after another attempt"] });
    this.context = canvas.getContext("2d", { alpha: false });
    this.theme();
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { this.theme(); this.build(); });
    matchMedia("print").addEventListener("change", () => { this.theme(); this.build(); this.draw(); }); // no frame comes before it is printed
    new ResizeObserver(() => this.resize()).observe(canvas.parentElement);
    this.listen();
    const loop = () => {
      if (this.dirty) { this.dirty = false; const t = performance.now(); this.draw(); this.spent = performance.now() - t; this.frames++; }
      requestAnimationFrame(loop);
    };
    requestAnimationFrame(loop);
  }

  theme() {
    const dark = matchMedia("screen and (prefers-color-scheme: dark)").matches;
    this.empty = dark ? [27, 31, 36] : [246, 248, 250];
    this.ink = dark ? "#e6edf3" : "#1f2328"; this.faint = dark ? "#8b949e" : "#59636e"; this.alarm = dark ? "#ff6b61" : "#cf222e";
    this.page = dark ? "#0f1317" : "#ffffff";
    this.dirty = true;
  }

  setClasses(names) {
    this.classes = names; this.base = classColours(names.length);
    this.colours = this.base.map((c, i) => this.muted.has(i) ? this.empty.map((e, k) => Math.round(e * 0.88 + c[k] * 0.12)) : c);
    this.dirty = true;
  }

  toggle(cls, only) {
    if (only) { const all = this.muted.size === this.classes.length - 1 && !this.muted.has(cls);
      this.muted = new Set(all ? [] : this.classes.map((_, i) => i).filter((i) => i !== cls)); }
    else if (this.muted.has(cls)) this.muted.delete(cls); else this.muted.add(cls);
    this.setClasses(this.classes); this.build();
  }

  addLane(label) { const lane = new TaskLane(label); this.lanes.push(lane); return lane; }

  // Add a task; `build` or `grew` is to be called after the last one.
  add(lane, start, took, cls, state) {
    this.lanes[lane].append(start, took, cls, state);
    if (state === 1 || state === 2) this.failures.push([lane, this.lanes[lane].n - 1]);
  }

  get total() { return this.lanes.reduce((sum, lane) => sum + lane.n, 0); }

  // -- levels of detail

  measure() {
    this.end = 1;
    for (const lane of this.lanes) if (lane.n) this.end = Math.max(this.end, lane.start[lane.n - 1] + lane.took[lane.n - 1]);
    this.group = Math.max(1, Math.ceil(this.lanes.length / MAX_ROWS));
    this.rows = Math.max(1, Math.ceil(this.lanes.length / this.group));
  }

  build() {
    this.measure();
    this.layPath();
    this.levels = [];
    if (this.total < 20000 && this.group === 1) { this.resize(); return; }
    let cells = 1 << Math.max(8, Math.min(15, Math.floor(Math.log2(CELLS / this.rows))));
    this.span = this.end * 1.0001;
    for (let c = cells; c >= 256; c /= 2) this.levels.push({ cells: c, data: new Uint32Array(this.rows * c) });
    for (let row = 0; row < this.rows; row++) this.mixRow(row);
    this.mixed = null;
    this.resize();
  }

  // Colours of a row's cells, weighted by busy time, the rest empty; then each two put together, and so on.
  mixRow(row) {
    const cells = this.levels[0].cells, width = this.span / cells, share = 1 / this.group, [er, eg, eb] = this.empty;
    const mixed = this.mixed?.length === cells * 4 ? this.mixed.fill(0) : (this.mixed = new Float32Array(cells * 4));
    for (const lane of this.lanes.slice(row * this.group, (row + 1) * this.group)) for (let i = 0; i < lane.n; i++) {
      const a = lane.start[i] / width, b = (lane.start[i] + lane.took[i]) / width, c = this.colours[lane.cls[i]] || this.empty;
      for (let x = Math.max(0, Math.floor(a)), last = Math.min(cells - 1, Math.floor(b)); x <= last; x++) {
        const w = ((b < x + 1 ? b : x + 1) - (a > x ? a : x)) * share, o = x * 4;
        if (w > 0) { mixed[o] += w * c[0]; mixed[o + 1] += w * c[1]; mixed[o + 2] += w * c[2]; mixed[o + 3] += w; }
      }
    }
    for (const { cells: count, data } of this.levels) {
      if (count < cells) for (let i = 0, n = count * 4, q = 0; i < n; i += 4, q += 8) { // into its own first half
        mixed[i] = (mixed[q] + mixed[q + 4]) / 2; mixed[i + 1] = (mixed[q + 1] + mixed[q + 5]) / 2;
        mixed[i + 2] = (mixed[q + 2] + mixed[q + 6]) / 2; mixed[i + 3] = (mixed[q + 3] + mixed[q + 7]) / 2;
      }
      for (let i = 0, o = 0, at = row * count; i < count; i++, o += 4, at++) {
        const cover = mixed[o + 3], rest = cover < 1 ? 1 - cover : 0;
        data[at] = packed(mixed[o] + er * rest, mixed[o + 1] + eg * rest, mixed[o + 2] + eb * rest);
      }
    }
  }

  // Tasks were added since the last call. Levels are made anew when there are a quarter more; until then it is drawn exactly.
  grew() {
    const total = this.total, shown = this.to >= this.end;
    if (total < (this.built || 0) * 1.25 || total < 20000) { this.measure(); this.levels = []; this.resize(); }
    else { this.built = total; this.build(); }
    if (this.follows && shown) { this.from = 0; this.to = this.end * 1.02; }
    this.dirty = true;
  }

  // -- drawing

  resize() {
    if (!this.rows) return;
    const lane = Math.max(3, Math.min(26, Math.floor(560 / this.rows || 26)));
    const height = TOP + Math.max(60, this.rows * lane);
    if (this.canvas.style.height !== height + "px") this.canvas.style.height = height + "px";
    const box = this.canvas.getBoundingClientRect(), ratio = Math.min(2, devicePixelRatio || 1);
    const w = Math.max(50, Math.round(box.width * ratio)), h = Math.round(height * ratio);
    if (w !== this.canvas.width || h !== this.canvas.height) { this.canvas.width = w; this.canvas.height = h; }
    this.width = w; this.height = h; this.ratio = ratio;
    if (!this.image || this.image.width !== w || this.image.height !== this.rows) {
      this.screen = new OffscreenCanvas(w, this.rows); this.plane = this.screen.getContext("2d");
      this.image = this.plane.createImageData(w, this.rows); this.line = new Float32Array(w * 4);
      this.pixels = new Uint32Array(this.image.data.buffer);
    }
    this.dirty = true;
  }

  level(scale) {
    if (!this.levels.length) return null;
    let found = null;
    for (const level of this.levels) { if ((this.span / level.cells) * scale <= 1.0001) { found = level; if ((this.span / level.cells) * scale > 0.5) break; } }
    return found;
  }

  draw() {
    if (!this.image) return;
    const g = this.context, W = this.width, span = this.to - this.from, scale = W / span, level = this.level(scale), labels = [];
    if (level) this.pixelCells(level, scale);
    for (let row = 0; row < this.rows; row++) {
      if (level) this.rowFromLevel(row, level);
      else {
        this.line.fill(0);
        const last = Math.min(this.lanes.length, (row + 1) * this.group);
        for (let l = row * this.group; l < last; l++) this.rowExactly(this.lanes[l], scale, this.group > 1 ? null : labels, row);
        this.blend(row, 1 / this.group);
      }
    }
    this.plane.putImageData(this.image, 0, 0);
    const top = TOP * this.ratio, lh = (this.height - top) / this.rows;
    g.fillStyle = this.page; g.fillRect(0, 0, W, this.height);
    g.imageSmoothingEnabled = false; g.drawImage(this.screen, 0, 0, W, this.rows, 0, top, W, this.height - top);
    if (lh > 4) { g.fillStyle = this.page; for (let l = 1; l < this.rows; l++) g.fillRect(0, Math.round(top + l * lh), W, 1); }
    this.marks(g, scale, top, lh);
    this.texts(g, labels, top, lh);
    this.axis(g, scale);
    if (this.focus) this.outline(g, scale, top, lh);
  }

  // The cells of each pixel, the same for all rows; -1 outside of the run.
  pixelCells(level, scale) {
    const k = level.cells / this.span, step = k / scale, from = this.cellFrom = new Int32Array(this.width), to = this.cellTo = new Int32Array(this.width);
    for (let x = 0, at = this.from * k; x < this.width; x++, at += step) {
      const a = Math.floor(at), b = Math.floor(at + step);
      if (a < 0 || a >= level.cells) { from[x] = -1; continue; }
      from[x] = a; to[x] = Math.min(level.cells, Math.max(a + 1, b));
    }
  }

  // A pixel is one cell, or the mean of two; of more where a run is so short that no level fits.
  rowFromLevel(row, level) {
    const px = this.pixels, data = level.data, base = row * level.cells, from = this.cellFrom, to = this.cellTo, none = packed(...this.empty);
    for (let x = 0, o = row * this.width; x < this.width; x++, o++) {
      const a = from[x], m = to[x] - a;
      if (a < 0) px[o] = none;
      else if (m === 1) px[o] = data[base + a];
      else if (m === 2) { const p = data[base + a], q = data[base + a + 1]; px[o] = (((p ^ q) & 0xfefefefe) >>> 1) + (p & q); }
      else {
        let r = 0, g = 0, b = 0;
        for (let i = base + a, last = i + m; i < last; i++) { const p = data[i]; r += p & 255; g += (p >> 8) & 255; b += (p >> 16) & 255; }
        px[o] = packed(r / m, g / m, b / m);
      }
    }
  }

  rowExactly(lane, scale, labels, row) {
    const W = this.width, line = this.line, from = this.from, to = this.to, least = 64 * this.ratio;
    let i = lane.lower(from); if (i > 0) i--;
    for (; i < lane.n; i++) {
      const begun = lane.start[i]; if (begun >= to) break;
      let s = (begun - from) * scale, e = (begun + lane.took[i] - from) * scale;
      if (e <= 0) continue;
      if (s < 0) s = 0; if (e > W) e = W;
      const c = this.colours[lane.cls[i]] || this.empty, r = c[0], g = c[1], b = c[2], x0 = s | 0, x1 = e | 0;
      let q = x0 * 4, w = x0 === x1 ? e - s : x0 + 1 - s, shade = x1 - x0 > 3 ? 0.7 * w : w;
      line[q] += shade * r; line[q + 1] += shade * g; line[q + 2] += shade * b; line[q + 3] += w;
      if (x0 === x1) continue;
      for (let x = x0 + 1; x < x1; x++) { q = x * 4; line[q] += r; line[q + 1] += g; line[q + 2] += b; line[q + 3] += 1; }
      if (x1 < W) { q = x1 * 4; w = e - x1; line[q] += w * r; line[q + 1] += w * g; line[q + 2] += w * b; line[q + 3] += w; }
      if (labels && e - s > least) labels.push([s, e, row, lane.cls[i], lane.took[i]]);
    }
  }

  blend(row, share) {
    const px = this.pixels, line = this.line, [er, eg, eb] = this.empty, none = packed(er, eg, eb);
    for (let x = 0, o = row * this.width, q = 0; x < this.width; x++, o++, q += 4) {
      const cover = line[q + 3] * share;
      if (cover === 0) { px[o] = none; continue; }
      const k = cover > 1 ? share / cover : share, rest = cover > 1 ? 0 : 1 - cover;
      px[o] = packed(line[q] * k + er * rest, line[q + 1] * k + eg * rest, line[q + 2] * k + eb * rest);
    }
  }

  // Failures are drawn last, 2 px wide, so that one in a million shows; the critical path is a line below its tasks.
  marks(g, scale, top, lh) {
    g.fillStyle = this.ink;
    this.pathMarks(g, scale, top, lh);
    g.fillStyle = this.alarm;
    const drawn = new Set();
    for (const [l, i] of this.failures) {
      const lane = this.lanes[l], x = Math.round((lane.start[i] + lane.took[i] - this.from) * scale);
      if (x < 0 || x > this.width) continue;
      const row = Math.floor(l / this.group), key = row * 8192 + x;
      if (drawn.has(key)) continue;
      drawn.add(key);
      const again = lane.state[i] === 2;
      g.fillRect(x - 1, top + row * lh + (again ? lh / 2 : 0), 2 * this.ratio, Math.max(2, again ? lh / 2 : lh));
    }
  }

  // The path is in the order of time. Each line is paid for when it is painted, so of steps that are shorter than some
  // pixels the first is drawn of those that begin within these, and what touches in a row is one line.
  pathMarks(g, scale, top, lh) {
    const { start, end, row: rows } = this.steps || { start: [], end: [], row: [] }, h = Math.max(1, Math.min(3 * this.ratio, lh / 4));
    const below = h + (lh > 4 ? 0.5 : 0), grain = 4 * this.ratio, begun = new Float64Array(this.rows), reached = new Float64Array(this.rows).fill(-1);
    const line = (row) => { if (reached[row] >= 0) g.fillRect(begun[row], top + (row + 1) * lh - below, reached[row] - begun[row], h); };
    for (let k = this.firstOfPath(), column = -1; k < start.length; k++) {
      const s = Math.max(0, Math.floor((start[k] - this.from) * scale)), exact = (end[k] - this.from) * scale;
      if (s > this.width) break;
      if (exact - s <= grain && Math.floor(s / grain) === column) continue;
      column = Math.floor(s / grain);
      const row = rows[k], e = Math.min(this.width, Math.max(s + 2, Math.ceil(exact)));
      if (s > reached[row]) { line(row); begun[row] = s; }
      if (e > reached[row]) reached[row] = e;
    }
    for (let row = 0; row < this.rows; row++) line(row);
  }

  // The path in columns, to be drawn without a look at its lanes.
  layPath() {
    const n = this.path.length;
    this.steps = { start: new Float64Array(n), end: new Float64Array(n), row: new Int32Array(n) };
    this.path.forEach(([l, i], k) => {
      const lane = this.lanes[l];
      this.steps.start[k] = lane.start[i]; this.steps.end[k] = lane.start[i] + lane.took[i]; this.steps.row[k] = Math.floor(l / this.group);
    });
  }

  // The first task of the path that may be in sight: each ends before the next one begins.
  firstOfPath() {
    const end = this.steps ? this.steps.end : [];
    let a = 0, b = end.length;
    while (a < b) { const m = (a + b) >>> 1; if (end[m] < this.from) a = m + 1; else b = m; }
    return a;
  }

  // A label that does not fit is its name alone, or nothing: none is cut off.
  texts(g, labels, top, lh) {
    if (lh < 12 * this.ratio) return;
    g.font = `${11 * this.ratio}px system-ui, sans-serif`; g.textBaseline = "middle";
    for (const [s, e, row, cls, took] of labels) {
      const name = this.short(cls), room = e - s - 8 * this.ratio;
      const text = [name + "  " + durationText(took * this.tick), name].find((each) => g.measureText(each).width <= room);
      if (text === undefined) continue;
      const c = this.colours[cls], light = 0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2] > 135;
      g.fillStyle = light ? "#10151a" : "#ffffff";
      g.fillText(text, s + 5 * this.ratio, top + row * lh + lh / 2);
    }
  }

  short(cls) { const name = this.classes[cls] || ""; return name.slice(name.lastIndexOf(".") + 1); }

  axis(g, scale) {
    const rough = (110 * this.ratio) / scale * this.tick, power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map((x) => x * power).find((x) => x >= rough), ticks = step / this.tick;
    g.fillStyle = this.faint; g.font = `${11 * this.ratio}px system-ui, sans-serif`; g.textBaseline = "alphabetic";
    const text = (s) => step >= 60 ? durationText(s) : step < 1e-3 ? +(s * 1e3).toPrecision(9) + " ms" : +s.toPrecision(9) + " s";
    for (let t = Math.ceil(this.from / ticks) * ticks; t < this.to; t += ticks) {
      const x = (t - this.from) * scale, label = text(t * this.tick); g.fillRect(x, 17 * this.ratio, 1, 6 * this.ratio);
      if (x + 4 + g.measureText(label).width <= this.width) g.fillText(label, x + 4, 14 * this.ratio); // none is cut off at the right
    }
  }

  outline(g, scale, top, lh) {
    const [l, i] = this.focus, lane = this.lanes[l]; if (!lane || i >= lane.n) return;
    g.strokeStyle = this.ink; g.lineWidth = 2 * this.ratio;
    g.strokeRect((lane.start[i] - this.from) * scale - 2, top + Math.floor(l / this.group) * lh, Math.max(4, lane.took[i] * scale + 4), lh);
  }

  // -- pointing

  hit(x, y) {
    const top = TOP * this.ratio, lh = (this.height - top) / this.rows, row = Math.floor((y - top) / lh);
    if (row < 0 || row >= this.rows || !this.lanes.length) return null;
    const unit = (this.to - this.from) / this.width, a = this.from + Math.floor(x) * unit, b = a + unit, counts = new Map();
    let n = 0, failed = 0, busy = 0, only = null;
    const first = row * this.group, last = Math.min(this.lanes.length, first + this.group);
    for (let l = first; l < last; l++) {
      const lane = this.lanes[l], end = lane.lower(b);
      let i = lane.lower(a);
      if (i > 0 && lane.start[i - 1] + lane.took[i - 1] > a) i--;
      for (; i < end; i++) {
        n++; counts.set(lane.cls[i], (counts.get(lane.cls[i]) || 0) + 1); only = [l, i];
        busy += Math.min(b, lane.start[i] + lane.took[i]) - Math.max(a, lane.start[i]);
        if (lane.state[i] === 1 || lane.state[i] === 2) failed++;
      }
    }
    return { row, first, last, n, counts, failed, busy: busy / (unit * (last - first)), only, from: a, to: b };
  }

  describe(l, i) {
    const lane = this.lanes[l], detail = lane.details.get(i), lines = [];
    lines.push(`${this.short(lane.cls[i])}${detail ? " " + detail.id : ""}: ${this.states[lane.state[i]]}`);
    lines.push(`took ${durationText(lane.took[i] * this.tick)}, began ${durationText(lane.start[i] * this.tick)} after the run, on ${lane.label}`);
    if (detail) {
      if (detail.fields) lines.push(detail.fields);
      const facts = [];
      if (detail.attempt > 1) facts.push(`attempt ${detail.attempt}`);
      if (detail.cpu >= 0) facts.push(`${durationText(detail.cpu / 1e6)} of processor time`);
      if (detail.rss) facts.push(`worker's peak ${bytesText(detail.rss)}`);
      if (detail.stored) facts.push(`stored ${bytesText(detail.stored)}`);
      if (facts.length) lines.push(facts.join(", "));
      if (detail.path) lines.push("on the critical path: it waited for " + detail.path);
    } else lines.push(this.without || "");
    return lines.filter(Boolean).join("\n");
  }

  about(hit) {
    if (!hit || !hit.n) return "";
    if (hit.n === 1) return this.describe(...hit.only);
    const place = hit.last - hit.first > 1 ? `${hit.last - hit.first} lanes from ${this.lanes[hit.first].label}` : this.lanes[hit.first].label;
    const most = [...hit.counts].sort((x, y) => y[1] - x[1]).slice(0, 6).map(([c, n]) => `${n.toLocaleString("en")} ${this.short(c)}`);
    return `${hit.n.toLocaleString("en")} tasks in ${durationText((hit.to - hit.from) * this.tick)} on ${place}` +
      (hit.failed ? `, ${hit.failed} failed` : "") + `\n${most.join("\n")}`;
  }

  point(event) {
    const box = this.canvas.getBoundingClientRect(), text = this.about(this.hit((event.clientX - box.left) * this.ratio, (event.clientY - box.top) * this.ratio));
    this.tip.hidden = !text;
    if (!text) return;
    this.tip.textContent = text;
    this.tip.style.left = Math.max(4, Math.min(innerWidth - this.tip.offsetWidth - 8, event.clientX + 14)) + "px";
    this.tip.style.top = (event.clientY + 20 + this.tip.offsetHeight > innerHeight ? event.clientY - this.tip.offsetHeight - 10 : event.clientY + 16) + "px";
  }

  // -- moving

  show(from, to) {
    const least = 20, whole = this.end * 1.02;
    let span = Math.max(least, Math.min(whole, to - from));
    from = Math.max(-0.01 * this.end, Math.min(from, whole - span));
    this.from = from; this.to = from + span; this.follows = span >= whole * 0.999; this.dirty = true;
  }
  zoom(factor, at = 0.5) { const t = this.from + (this.to - this.from) * at; this.show(t - (t - this.from) * factor, t + (this.to - t) * factor); }
  pan(share) { const d = (this.to - this.from) * share; this.show(this.from + d, this.to + d); }
  all() { this.show(0, this.end * 1.02); this.focus = null; }

  // Go to the next task of a list after the focused one, and say what it is.
  step(list, direction, what) {
    if (!list.length) { this.status.textContent = `no ${what}`; return; }
    const key = ([l, i]) => this.lanes[l].start[i];
    const sorted = [...list].sort((a, b) => key(a) - key(b));
    const at = this.focus ? sorted.findIndex(([l, i]) => l === this.focus[0] && i === this.focus[1]) : -1;
    this.focus = sorted[(at + direction + sorted.length) % sorted.length] || sorted[0];
    const [l, i] = this.focus, lane = this.lanes[l], span = Math.min(this.to - this.from, Math.max(lane.took[i] * 20, this.end / 200));
    const middle = lane.start[i] + lane.took[i] / 2;
    this.show(middle - span / 2, middle + span / 2);
    this.status.textContent = this.describe(l, i).replaceAll("\n", "; ");
  }

  listen() {
    const c = this.canvas; let drag = null;
    c.addEventListener("wheel", (e) => {
      if (!e.ctrlKey && !e.metaKey && !this.entered) return;
      e.preventDefault(); const box = c.getBoundingClientRect();
      if (Math.abs(e.deltaX) > Math.abs(e.deltaY)) this.pan(e.deltaX / box.width); else this.zoom(Math.exp(e.deltaY * 0.002), (e.clientX - box.left) / box.width);
    }, { passive: false });
    c.addEventListener("pointerdown", (e) => { drag = e.clientX; this.entered = true; c.setPointerCapture(e.pointerId); });
    c.addEventListener("pointerup", () => { drag = null; });
    c.addEventListener("pointermove", (e) => { if (drag !== null) { this.pan((drag - e.clientX) / c.clientWidth); drag = e.clientX; } this.point(e); });
    c.addEventListener("pointerleave", () => { this.tip.hidden = true; this.entered = false; });
    c.addEventListener("dblclick", () => this.all());
    c.addEventListener("keydown", (e) => {
      const act = { ArrowLeft: () => this.pan(-0.1), ArrowRight: () => this.pan(0.1), "+": () => this.zoom(0.7), "=": () => this.zoom(0.7), "-": () => this.zoom(1 / 0.7),
        Home: () => this.all(), 0: () => this.all(), n: () => this.step(this.failures, 1, "failures"), N: () => this.step(this.failures, -1, "failures"),
        p: () => this.step(this.path, 1, "critical path"), P: () => this.step(this.path, -1, "critical path"), Escape: () => { this.focus = null; this.dirty = true; } }[e.key];
      if (act && !e.ctrlKey && !e.metaKey && !e.altKey) { act(); e.preventDefault(); }
    });
  }
}

// The columns of a packed timeline (alexflow/report/packing.py) into a Timeline.
function unpackInto(timeline, header, raw) {
  const n = header.count, planes = {};
  header.planes.forEach(([name, k], i) => { (planes[name] ??= [])[k] = raw.subarray(i * n, (i + 1) * n); });
  timeline.setClasses(header.classes);
  const cls = reader(planes.cls || []), gap = reader(planes.gap || []), grouped = reader(planes.took || []), state = planes.state ? planes.state[0] : null;
  const cursor = []; let at = 0;
  header.counts.forEach((count, k) => { cursor[k] = at; at += count; });
  let i = 0;
  for (const [label, count] of header.lanes) {
    const lane = timeline.addLane(label), number = timeline.lanes.length - 1;
    lane.reserve(Math.max(16, count));
    let end = 0;
    for (const last = i + count; i < last; i++) {
      const g = gap(i), c = cls(i), took = grouped(cursor[c]++), start = end + (g % 2 ? -(g + 1) / 2 : g / 2);
      timeline.add(number, start, took, c, state ? state[i] : 0);
      end = start + took;
    }
  }
}
