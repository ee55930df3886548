import uPlot from "/uplot.js";
import { brief, dark, style, swatch, tickLabels } from "/palette.js";
import { save } from "/picture.js";

const NAMES = {
  loss: ["Loss", "points: validation"],
  lr: ["Learning rate", ""],
  grad_norm: ["Gradient norm", "before clipping"],
  tokens_per_second: ["Tokens a second", ""],
  rss_mb: ["Memory", "resident MiB"],
};
const EXACT = ["lr", "rss_mb"]; // no noise to smooth
const together = uPlot.sync("runs");

export const frame = () => new Promise(done => (document.hidden ? setTimeout(done) : requestAnimationFrame(done)));

// Curves are drawn one a frame, so that a slider that moves is not held up by all of them.
let turn = Promise.resolve();
const myTurn = () => (turn = turn.then(frame));

/** One metric of the chosen runs. It asks the server for as many points as it is wide. */
export class Chart {
  constructor(metric, view, zoomTo) {
    this.metric = metric;
    this.view = view;
    this.zoomTo = zoomTo;
    [this.title, this.subtitle] = NAMES[metric] ?? [metric, ""];
    this.build();
    new ResizeObserver(() => this.resized()).observe(this.plot);
  }

  build() {
    this.element = document.createElement("figure");
    this.element.innerHTML =
      '<figcaption><h2></h2><button type="button">PNG</button><button type="button">SVG</button>' +
      '<a class="button" download>CSV</a></figcaption><div class="plot" tabindex="0" role="img"></div>' +
      '<div class="readout" hidden></div>';
    const heading = this.element.querySelector("h2");
    const small = document.createElement("small");
    small.textContent = this.subtitle;
    heading.append(this.title + " ", small);
    this.plot = this.element.querySelector(".plot");
    this.readout = this.element.querySelector(".readout");
    this.csv = this.element.querySelector("a");
    const [png, svg] = this.element.querySelectorAll("button");
    png.onclick = () => save(this, "png");
    svg.onclick = () => save(this, "svg");
    for (const [control, format] of [[png, "PNG"], [svg, "SVG"], [this.csv, "CSV"]]) {
      control.title = `${this.title} as ${format}`;
      control.setAttribute("aria-label", control.title);
    }
    this.plot.onkeydown = event => this.key(event);
    this.plot.onblur = () => this.point(null);
    this.plot.addEventListener("touchstart", event => this.touch(event), { passive: true });
    this.plot.addEventListener("touchmove", event => this.touch(event), { passive: true });
  }

  /** Fetches and draws what the view asks for. */
  async update() {
    const view = this.view;
    const runs = view.chosen();
    const width = this.plot.clientWidth;
    this.csv.href = "/api/csv?" + this.query(runs, this.metric);
    if (!runs.length || !width) return this.clear();
    const more = { x: view.x, points: Math.max(50, Math.round(width / 2)) };
    if (view.range) [more.from, more.to] = view.range;
    const smoothing = EXACT.includes(this.metric) ? 0 : view.smoothing;
    const asked = [fetchJson("/api/curves?" + this.query(runs, this.metric, { ...more, smoothing }))];
    const tested = this.metric === "loss" && runs.some(r => r.metrics.includes("val_loss"));
    if (tested) asked.push(fetchJson("/api/curves?" + this.query(runs, "val_loss", more)));
    const [curves, validation] = await Promise.all(asked);
    await myTurn();
    this.draw(runs, curves, validation);
  }

  query(runs, metric, more = {}) {
    const query = new URLSearchParams({ metric, ...more });
    runs.forEach(run => query.append("run", run.name));
    return query;
  }

  clear() {
    this.u?.destroy();
    this.u = null;
    this.kind = null;
  }

  draw(runs, curves, validation) {
    const smoothed = "smooth" in curves;
    // Faint lines first, so that they lie beneath.
    this.lines = [];
    if (smoothed) runs.forEach((run, i) => this.lines.push({ run, y: curves.raw[i], role: "raw" }));
    runs.forEach((run, i) => this.lines.push({ run, y: (curves.smooth ?? curves.raw)[i], role: "main" }));
    let data = [curves.x, ...this.lines.map(l => l.y)];
    if (validation) {
      const points = runs.map((run, i) => ({ run, y: validation.raw[i], role: "validation" }));
      this.lines.push(...points);
      data = uPlot.join([data, [validation.x, ...points.map(l => l.y)]]);
    }
    if (this.view.log) data = data.map((y, i) => (i === 0 ? y : y.map(v => (v > 0 ? v : null))));
    const kind = JSON.stringify([this.lines.map(l => [l.run.name, l.run.place, l.role]), this.view.log, this.view.x, dark.matches]);
    if (this.u && kind === this.kind) {
      this.u.setData(data);
    } else {
      this.clear();
      this.u = new uPlot(this.options(), data, this.plot);
      this.kind = kind;
    }
    this.plot.setAttribute("aria-label", this.description());
  }

  options() {
    const css = getComputedStyle(document.documentElement);
    const [faint, grid, card] = ["--faint", "--grid", "--card"].map(name => css.getPropertyValue(name));
    const axis = { stroke: faint, grid: { stroke: grid, width: 1 }, ticks: { stroke: grid, width: 1 }, font: "12px system-ui, 'DejaVu Sans', sans-serif" };
    const labels = (u, values, index, space, step) => tickLabels(values, step);
    const log = this.view.log;
    return {
      width: this.plot.clientWidth,
      height: this.plot.clientHeight,
      legend: { show: false },
      cursor: {
        drag: { x: true, y: false, setScale: false },
        sync: { key: together.key },
        points: { show: false },
        bind: { dblclick: () => () => this.zoomTo(null) },
      },
      scales: {
        x: { time: false, range: (u, low, high) => this.view.range ?? (low === high ? [low - 1, high + 1] : [low, high]) },
        y: log ? { distr: 3 } : {},
      },
      axes: [
        { ...axis, values: labels, size: 34 },
        { ...axis, size: 62, values: log ? (u, values) => values.map(v => (v == null ? "" : brief(v))) : labels },
      ],
      series: [{}, ...this.lines.map(line => this.series(line, card))],
      hooks: {
        setSelect: [u => this.selected(u)],
        setCursor: [u => this.point(u.cursor.idx)],
      },
    };
  }

  series({ run, role }, ground) {
    const { colour, dash } = style(run.place);
    const scale = window.devicePixelRatio || 1;
    const common = { spanGaps: true, stroke: colour, dash: dash.map(d => d * scale) };
    if (role === "raw") return { ...common, stroke: colour + "55", width: 1, dash: [], points: { show: false } };
    if (role === "main") return { ...common, width: 2, points: { show: u => u.data[0].length < 2 } };
    return { ...common, stroke: colour + "99", width: 1, dash: [3 * scale, 3 * scale], points: { show: true, size: 8, width: 2, stroke: colour, fill: ground } };
  }

  selected(u) {
    if (u.select.width < 6) return;
    const range = [u.posToVal(u.select.left, "x"), u.posToVal(u.select.left + u.select.width, "x")];
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    this.zoomTo(range);
  }

  /** Shows the runs' values at a point of the x axis, where this is the curve that is pointed at. */
  point(index) {
    const here = this.u && index != null && (this.u.over.matches(":hover") || this.plot.matches(":focus") || this.touched);
    this.readout.hidden = !here;
    if (!here) return;
    const u = this.u;
    const rows = new Map();
    this.lines.forEach((line, i) => {
      const at = nearest(u.data[i + 1], index);
      if (at < 0) return;
      const row = rows.get(line.run) ?? rows.set(line.run, {}).get(line.run);
      if (line.role !== "validation" || Math.abs(u.valToPos(u.data[0][at], "x") - u.valToPos(u.data[0][index], "x")) < 6) {
        row[line.role] = u.data[i + 1][at];
      }
    });
    const table = document.createElement("table");
    for (const [run, row] of [...rows].sort((a, b) => b[1].main - a[1].main)) {
      const tr = table.insertRow();
      tr.insertCell().append(swatch(run.place));
      tr.insertCell().textContent = run.name;
      const value = tr.insertCell();
      value.className = "value";
      value.textContent = brief(row.main);
      const raw = tr.insertCell();
      raw.className = "raw";
      raw.textContent = [row.raw, row.validation && "val " + brief(row.validation)]
        .filter(v => v != null).map(v => (typeof v === "number" ? brief(v) : v)).join("  ");
    }
    const x = u.data[0][index];
    const head = document.createElement("div");
    head.textContent = this.view.x + " " + (this.view.x === "seconds" ? brief(x) : Math.round(x).toLocaleString("en"));
    this.readout.replaceChildren(head, table);
    const left = u.valToPos(x, "x") < u.over.clientWidth / 2;
    this.readout.classList.toggle("right", left);
    this.readout.style.left = left ? "auto" : "80px";
    this.readout.style.right = left ? "16px" : "auto";
  }

  key(event) {
    if (!this.u || !["ArrowLeft", "ArrowRight"].includes(event.key) || event.shiftKey) return;
    event.preventDefault();
    event.stopPropagation();
    const x = this.u.data[0];
    const by = (event.key === "ArrowRight" ? 1 : -1) * Math.max(1, Math.round(x.length / 100));
    const to = Math.min(x.length - 1, Math.max(0, (this.u.cursor.idx ?? (by > 0 ? -by : x.length)) + by));
    this.u.setCursor({ left: this.u.valToPos(x[to], "x"), top: this.u.over.clientHeight / 2 });
  }

  touch(event) {
    if (!this.u) return;
    const box = this.u.over.getBoundingClientRect();
    const at = event.touches[0];
    this.touched = true;
    this.u.setCursor({ left: at.clientX - box.left, top: at.clientY - box.top });
    this.touched = false;
  }

  resized() {
    if (this.u && this.plot.clientWidth) this.u.setSize({ width: this.plot.clientWidth, height: this.plot.clientHeight });
  }

  description() {
    const last = this.lines.filter(l => l.role === "main").map(l => {
      const at = nearest(l.y, l.y.length - 1);
      return at < 0 ? `${l.run.name} none` : `${l.run.name} ${brief(l.y[at])}`;
    });
    return `${this.title} over ${this.view.x}; last values: ${last.join(", ")}`;
  }
}

/** The index of the value closest to an index, -1 where there is none. */
function nearest(values, index) {
  for (let d = 0; d < values.length; d++) {
    if (values[index - d] != null) return index - d;
    if (values[index + d] != null) return index + d;
  }
  return -1;
}

/** An answer, or an error that says what the server said. */
export async function fetchJson(address) {
  const answer = await fetch(address);
  const body = await answer.json();
  if (!answer.ok) throw new Error(body.error);
  return body;
}
