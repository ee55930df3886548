// Colours of Okabe and Ito, which colour-blind readers tell apart; the two that are too bright on white are darker
// there. Runs beyond the sixth are dashed, then dotted.
const LIGHT = ["#0072b2", "#d55e00", "#009e73", "#c2629a", "#b98000", "#3a9bd9"];
const DARK = ["#4ba3dc", "#f0803c", "#2fc79b", "#dd93bd", "#e69f00", "#8fd0f5"];
const DASHES = [[], [8, 5], [2, 4]];

export const dark = window.matchMedia("(prefers-color-scheme: dark)");

/** A run's line, by its place among all runs: it stays when others are hidden. */
export function style(place, darkGround = dark.matches) {
  const colours = darkGround ? DARK : LIGHT;
  return {
    colour: colours[place % colours.length],
    dash: DASHES[Math.floor(place / colours.length) % DASHES.length],
  };
}

/** A short piece of a run's line. */
export function swatch(place) {
  const { colour, dash } = style(place);
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "line");
  svg.setAttribute("aria-hidden", "true");
  const attributes = { x1: 0, x2: 26, y1: 5, y2: 5, stroke: colour, "stroke-width": 3, "stroke-dasharray": dash.join(" ") };
  Object.entries(attributes).forEach(([name, value]) => line.setAttribute(name, value));
  svg.append(line);
  return svg;
}

/** A number in few characters. */
export function brief(v) {
  const size = Math.abs(v);
  if (v === 0) return "0";
  if (size >= 1e6) return trim((v / 1e6).toPrecision(4)) + "M";
  if (size >= 1e4) return trim((v / 1e3).toPrecision(4)) + "k";
  if (size < 1e-3) return v.toExponential(2);
  return trim(v.toPrecision(4));
}

/** An axis's numbers, in as many digits as tell them apart. */
export function tickLabels(values, step) {
  const largest = Math.max(...values.map(Math.abs));
  if (largest < 1e-3) return values.map(v => (v === 0 ? "0" : trimExponent(v.toExponential(2))));
  const [unit, letter] = largest >= 1e6 ? [1e6, "M"] : largest >= 1e4 ? [1e3, "k"] : [1, ""];
  const digits = Math.min(6, Math.max(0, Math.ceil(-Math.log10(step / unit) - 1e-9)));
  return values.map(v => (v === 0 ? "0" : (v / unit).toFixed(digits) + letter));
}

const trim = text => (text.includes(".") ? text.replace(/\.?0+$/, "") : text);
const trimExponent = text => text.replace(/\.?0+e/, "e");
