// A curve as a picture of its own, on white: SVG as text, PNG by drawing that text.
import { brief, style, tickLabels } from "/palette.js";

const WIDTH = 960;
const BOX = { left: 80, top: 48, width: 856, height: 420 };
const LEGEND_ROW = 24;

export async function save(chart, format) {
  if (!chart.u) return;
  const svg = new Blob([draw(chart)], { type: "image/svg+xml" });
  download(format === "svg" ? svg : await raster(svg), `${chart.metric}.${format}`);
}

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}

async function raster(svg) {
  const image = new Image();
  image.src = URL.createObjectURL(svg);
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = 2 * image.width;
  canvas.height = 2 * image.height;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  URL.revokeObjectURL(image.src);
  return new Promise(done => canvas.toBlob(done, "image/png"));
}

/** The picture's text, from what the chart shows. */
export function draw(chart) {
  const { u, lines, view } = chart;
  const x = scale(u.scales.x, BOX.left, BOX.left + BOX.width, false);
  const y = scale(u.scales.y, BOX.top + BOX.height, BOX.top, view.log);
  const runs = lines.filter(line => line.role === "main").map(line => line.run);
  const columns = 3;
  const height = BOX.top + BOX.height + 60 + LEGEND_ROW * Math.ceil(runs.length / columns);
  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${height}" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="13" fill="#333">`,
    `<rect width="100%" height="100%" fill="#fff"/>`,
    text(BOX.left, 28, chart.title, 'font-size="17"'),
    `<clipPath id="box"><rect x="${BOX.left}" y="${BOX.top}" width="${BOX.width}" height="${BOX.height}"/></clipPath>`,
  ];
  for (const [v, label] of ticks(x, false)) {
    parts.push(rule(x.at(v), BOX.top, x.at(v), BOX.top + BOX.height), text(x.at(v), BOX.top + BOX.height + 18, label, 'text-anchor="middle"'));
  }
  for (const [v, label] of ticks(y, view.log)) {
    parts.push(rule(BOX.left, y.at(v), BOX.left + BOX.width, y.at(v)), text(BOX.left - 8, y.at(v) + 4, label, 'text-anchor="end"'));
  }
  parts.push(text(BOX.left + BOX.width / 2, BOX.top + BOX.height + 40, view.x, 'text-anchor="middle"'), '<g clip-path="url(#box)" fill="none" stroke-linejoin="round">');
  lines.forEach((line, i) => parts.push(curve(line, u.data[0], u.data[i + 1], x, y)));
  parts.push("</g>");
  runs.forEach((run, i) => {
    const left = BOX.left + (i % columns) * (BOX.width / columns);
    const top = BOX.top + BOX.height + 66 + LEGEND_ROW * Math.floor(i / columns);
    const { colour, dash } = style(run.place, false);
    parts.push(`<path d="M${left} ${top - 4}h28" stroke="${colour}" stroke-width="3" stroke-dasharray="${dash.join(" ")}"/>`, text(left + 36, top, run.name));
  });
  return parts.join("\n") + "\n</svg>\n";
}

function scale({ min, max }, from, to, log) {
  const f = log ? Math.log10 : v => v;
  const [low, high] = [f(min), f(max)];
  return { min, max, at: v => round(from + ((f(v) - low) / (high - low || 1)) * (to - from)) };
}

/** Values of an axis and their texts: round ones, about eight, or powers of ten. */
function ticks({ min, max }, log) {
  if (log) {
    const values = [];
    const factors = max / min > 1000 ? [1] : [1, 2, 5];
    for (let e = Math.floor(Math.log10(min)); e <= Math.ceil(Math.log10(max)); e++) {
      values.push(...factors.map(f => f * 10 ** e).filter(v => v >= min && v <= max));
    }
    return values.map(v => [v, brief(v)]);
  }
  const rough = (max - min) / 8 || 1;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find(f => f * power >= rough);
  const values = [];
  for (let k = Math.ceil(min / step); k * step <= max; k++) values.push(k * step);
  const labels = tickLabels(values, step);
  return values.map((v, i) => [v, labels[i]]);
}

function curve({ run, role }, xs, ys, x, y) {
  const { colour, dash } = style(run.place, false);
  const points = [];
  xs.forEach((v, i) => ys[i] != null && points.push([x.at(v), y.at(ys[i])]));
  if (!points.length) return "";
  if (role === "validation") {
    return points.map(([px, py]) => `<circle cx="${px}" cy="${py}" r="4" fill="#fff" stroke="${colour}" stroke-width="2"/>`).join("");
  }
  const look = role === "raw" ? 'stroke-opacity="0.3"' : `stroke-width="2" stroke-dasharray="${dash.join(" ")}"`;
  return `<path d="M${points.map(p => p.join(" ")).join("L")}" stroke="${colour}" ${look}/>`;
}

const rule = (x1, y1, x2, y2) => `<path d="M${x1} ${y1}L${x2} ${y2}" stroke="#e4e7ea"/>`;
const text = (x, y, words, more = "") => `<text x="${x}" y="${y}" ${more}>${escape(words)}</text>`;
const round = v => Math.round(v * 10) / 10;
const escape = words => words.replace(/[&<>"]/g, c => `&#${c.charCodeAt(0)};`);
