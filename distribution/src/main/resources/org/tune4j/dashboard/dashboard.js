import { Chart, fetchJson, frame } from "/chart.js";
import { brief, dark, swatch } from "/palette.js";

const POLL_MS = 2000;
const TRAINING_MS = 60000;
const FIRST = ["loss", "lr", "grad_norm", "tokens_per_second", "rss_mb"];
const ELSEWHERE = ["val_loss", "epoch", "label_tokens", "tokens", "seconds"]; // a chart's points, or an x axis
const AXES = ["step", "tokens", "seconds"];
const $ = id => document.getElementById(id);

/** What is looked at; the address's part behind # keeps it. */
const view = {
  runs: [],
  hidden: new Set(),
  x: "step",
  smoothing: 0.6,
  log: false,
  range: null,
  chosen() {
    return this.runs.filter(run => !this.hidden.has(run.name));
  },
};
const charts = new Map();

// ---- The view and the address ----
function read() {
  const kept = new URLSearchParams(location.hash.slice(1));
  if (AXES.includes(kept.get("x"))) view.x = kept.get("x");
  const weight = Number(kept.get("smoothing") ?? view.smoothing);
  if (weight >= 0 && weight < 1) view.smoothing = weight;
  view.log = kept.has("log");
  view.hidden = new Set(kept.getAll("hide"));
}

function changed() {
  const kept = new URLSearchParams({ x: view.x, smoothing: view.smoothing });
  if (view.log) kept.set("log", "");
  view.hidden.forEach(name => kept.append("hide", name));
  history.replaceState(null, "", "#" + kept);
  showControls();
  redraw();
}

function showControls() {
  document.querySelector(`#axis input[value=${view.x}]`).checked = true;
  $("smoothing").value = view.smoothing;
  document.querySelector("#smooth output").textContent = view.smoothing.toFixed(2);
  $("log").checked = view.log;
}

// ---- Drawing: one round at a time, so that a slider that moves on is followed, not queued ----
let drawing = false;
let again = false;

async function redraw() {
  if (drawing) {
    again = true;
    return;
  }
  drawing = true;
  do {
    again = false;
    try {
      await Promise.all([...charts.values()].map(chart => chart.update()));
    } catch (error) {
      status(error.message, true);
    }
    await frame();
  } while (again);
  drawing = false;
}

function zoomTo(range) {
  view.range = range && range[1] > range[0] ? range : null;
  changed();
}

/** Zooms or moves the range that is shown, by parts of its width. */
function zoomBy(low, high) {
  const u = [...charts.values()].map(chart => chart.u).find(u => u && u.scales.x.min != null);
  if (!u) return;
  const { min, max } = u.scales.x;
  const width = max - min;
  zoomTo([min + low * width, max + high * width]);
}

const ZOOM = { in: () => zoomBy(0.25, -0.25), out: () => zoomBy(-0.5, 0.5), all: () => zoomTo(null) };

// ---- Runs ----
function showRuns() {
  $("count").textContent = `${view.chosen().length} of ${view.runs.length}`;
  $("empty").hidden = view.runs.length > 0;
  const items = view.runs.map((run, i) => {
    const item = document.createElement("li");
    item.innerHTML = '<label><input type="checkbox"><span class="line"></span><span class="name"></span><span class="at"></span></label>';
    const box = item.querySelector("input");
    box.checked = !view.hidden.has(run.name);
    box.dataset.run = run.name;
    box.onchange = () => toggle(run.name);
    item.querySelector(".line").append(swatch(run.place));
    item.querySelector(".name").textContent = run.name;
    const loss = run.loss == null ? "" : `, loss ${brief(run.loss)}`;
    const training = Date.now() - run.grewAt < TRAINING_MS ? " \u25cf live" : "";
    item.querySelector(".at").textContent = run.rows ? `step ${run.step.toLocaleString("en")}${loss}${training}` : "no step yet";
    for (const words of run.notes) {
      const note = document.createElement("span");
      note.className = "note";
      note.textContent = words;
      item.firstChild.append(note);
    }
    if (i < 9) item.firstChild.title = `Key ${i + 1}`;
    return item;
  });
  const focused = document.activeElement?.dataset?.run;
  $("runs").replaceChildren(...items);
  if (focused) [...$("runs").querySelectorAll("input")].find(box => box.dataset.run === focused)?.focus();
}

function toggle(name) {
  if (!view.hidden.delete(name)) view.hidden.add(name);
  showRuns();
  showConfigs();
  changed();
}

function toggleAll() {
  view.hidden = view.hidden.size ? new Set() : new Set(view.runs.map(run => run.name));
  showRuns();
  showConfigs();
  changed();
}

function showCharts() {
  const found = new Set(view.runs.flatMap(run => run.metrics));
  const others = [...found].filter(metric => !FIRST.includes(metric) && !ELSEWHERE.includes(metric));
  for (const metric of [...FIRST.filter(m => found.has(m)), ...others]) {
    if (charts.has(metric)) continue;
    const chart = new Chart(metric, view, zoomTo);
    charts.set(metric, chart);
    $("charts").append(chart.element);
  }
}

// ---- Configs ----
let configs = { runs: [], keys: [] };

function showConfigs() {
  const shown = view.chosen().filter(run => configs.runs.includes(run.name));
  const columns = shown.map(run => configs.runs.indexOf(run.name));
  const table = document.querySelector("#configs table");
  table.replaceChildren();
  $("configs").hidden = !configs.keys.length;
  const head = table.createTHead().insertRow();
  for (const words of ["key", ...shown.map(run => run.name)]) {
    const cell = document.createElement("th");
    cell.scope = "col";
    cell.textContent = words;
    head.append(cell);
  }
  const body = table.createTBody();
  for (const { key, values } of configs.keys) {
    const row = columns.map(c => values[c]);
    const differs = new Set(row).size > 1;
    if (!differs && !$("all-keys").checked) continue;
    const tr = body.insertRow();
    const name = document.createElement("th");
    name.scope = "row";
    // A telephone may break it behind its dots and underscores.
    key.split(/(?<=[._])/).forEach(part => name.append(part, document.createElement("wbr")));
    tr.append(name);
    for (const value of row) {
      const cell = tr.insertCell();
      cell.textContent = value ?? "not set";
      cell.className = value == null ? "absent" : differs && value !== row[0] ? "changed" : "";
    }
  }
  if (!body.rows.length) body.insertRow().insertCell().textContent = "no difference";
}

// ---- Following the runs ----
let timer = 0;

function status(words, bad = false) {
  $("status").textContent = words;
  $("status").classList.toggle("bad", bad);
}

async function poll() {
  clearTimeout(timer);
  try {
    const { runs } = await fetchJson("/api/runs");
    const before = new Map(view.runs.map(run => [run.name, run]));
    const places = new Map(view.runs.map(run => [run.name, run.place]));
    let next = Math.max(-1, ...places.values()) + 1;
    for (const run of runs) {
      const old = before.get(run.name);
      run.place = places.get(run.name) ?? next++;
      run.grewAt = old && old.version !== run.version ? Date.now() : (old?.grewAt ?? 0);
    }
    const others = runs.length !== view.runs.length || runs.some(run => !before.has(run.name));
    const grown = others || runs.some(run => before.get(run.name).version !== run.version);
    view.runs = runs;
    showRuns();
    if (others) {
      configs = await fetchJson("/api/configs");
      showConfigs();
    }
    if (grown) {
      showCharts();
      redraw();
    }
    status("");
  } catch {
    status("the server does not answer; trying again", true);
  }
  if (!document.hidden) timer = setTimeout(poll, POLL_MS);
}

// ---- Controls and keys ----
document.querySelectorAll("#axis input").forEach(input => {
  input.onchange = () => {
    view.x = input.value;
    view.range = null;
    changed();
  };
});
$("smoothing").oninput = event => {
  view.smoothing = Number(event.target.value);
  changed();
};
$("log").onchange = event => {
  view.log = event.target.checked;
  changed();
};
$("all-keys").onchange = showConfigs;
$("help").onclick = () => $("keys").showModal();
document.querySelectorAll("[data-zoom]").forEach(button => (button.onclick = ZOOM[button.dataset.zoom]));

const KEYS = {
  x: () => {
    view.x = AXES[(AXES.indexOf(view.x) + 1) % AXES.length];
    view.range = null;
    changed();
  },
  l: () => {
    view.log = !view.log;
    changed();
  },
  "[": () => smoothBy(-0.05),
  "]": () => smoothBy(0.05),
  "+": ZOOM.in,
  "=": ZOOM.in,
  "-": ZOOM.out,
  0: ZOOM.all,
  a: toggleAll,
  "?": () => $("keys").showModal(),
};

function smoothBy(change) {
  view.smoothing = Math.min(0.99, Math.max(0, Math.round((view.smoothing + change) * 100) / 100));
  changed();
}

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || $("keys").open) return;
  if (event.shiftKey && view.range && event.key === "ArrowLeft") return zoomBy(-0.25, -0.25);
  if (event.shiftKey && view.range && event.key === "ArrowRight") return zoomBy(0.25, 0.25);
  const run = view.runs[Number(event.key) - 1];
  if (run) return toggle(run.name);
  if (Object.hasOwn(KEYS, event.key)) KEYS[event.key]();
});
document.addEventListener("visibilitychange", () => document.hidden || poll());
dark.addEventListener("change", () => {
  showRuns();
  redraw();
});

read();
showControls();
status("reading the runs ...");
poll();
