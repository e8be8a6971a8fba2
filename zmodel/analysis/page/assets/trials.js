// The trials of the page: one filter, one selection, wherever a trial is drawn or listed.
const trialData = JSON.parse(document.getElementById("trial-data")?.textContent ?? '{"trials": []}');
const trialOf = new Map(trialData.trials.map((trial) => [trial.number, trial]));
const marksOf = new Map(); // number -> elements that show the trial
const rowOf = new Map(); // number -> row of the table of trials
const off = { depths: new Set(), ranges: new Map(), text: "" };
const NEAR = 0.01; // of an axis: who aims at a value hits it
const svgNames = "http://www.w3.org/2000/svg";

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function drawn(name, attributes = {}, text = "") {
  const made = document.createElementNS(svgNames, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

function addMark(mark, number) {
  mark.dataset.trial = number;
  if (!marksOf.has(number)) marksOf.set(number, []);
  marksOf.get(number).push(mark);
}

// A group of a figure lists its trials; its dots follow in the same order.
for (const group of document.querySelectorAll("[data-trials]")) {
  const numbers = group.dataset.trials.split(" ").map(Number);
  const dots = [...group.querySelectorAll("use, path")].filter((dot) => !dot.closest("defs"));
  if (numbers.length === 1) dots.forEach((dot) => addMark(dot, numbers[0]));
  else if (dots.length === numbers.length) dots.forEach((dot, i) => addMark(dot, numbers[i]));
}

const table = document.querySelector("#trials-table table");
for (const row of table?.tBodies[0].rows ?? []) rowOf.set(Number(row.dataset.row), row);

// --- the filter ---

const TERM = /^([^=<>!]+)(<=|>=|!=|=|<|>)(.+)$/;

function termOf(word) {
  const found = TERM.exec(word);
  if (!found) return (trial) => `${trial.state} ${trial.text.join(" ")}`.toLowerCase().includes(word.toLowerCase());
  const [, name, sign, wanted] = found;
  const at = trialData.axes.findIndex((axis) => axis.name === name || axis.label === name);
  const read = at >= 0 ? (trial) => trial.text[at] : name === "state" ? (trial) => trial.state : null;
  if (!read) throw new Error(`${name} is none of ${trialData.axes.map((axis) => axis.label).join(", ")}, state`);
  return (trial) => {
    const own = read(trial);
    if (own === "") return false;
    const a = Number(own.replaceAll(",", "")), b = Number(wanted);
    if (Number.isNaN(a) || Number.isNaN(b)) return sign === "!=" ? own !== wanted : sign === "=" && own === wanted;
    return { "=": a === b, "!=": a !== b, "<": a < b, ">": a > b, "<=": a <= b, ">=": a >= b }[sign];
  };
}

function placeOn(trial, at) { // on an axis of the parallel coordinates, 0 to 1
  const { axes, low, high } = trialData.parallel;
  if (at < axes.length) return trial.at[axes[at]];
  return high > low ? (trial.value - low) / (high - low) : 0.5;
}

function applyFilter() {
  const message = document.getElementById("filter-message");
  let terms = [];
  try {
    terms = off.text.split(/\s+/).filter(Boolean).map(termOf);
    message.textContent = "";
  } catch (error) {
    message.textContent = error.message;
  }
  let shown = 0;
  for (const trial of trialData.trials) {
    const inside = [...off.ranges].every(([at, [low, high]]) => {
      const place = placeOn(trial, at);
      return place !== null && trial.state === "complete" && place >= low - NEAR && place <= high + NEAR;
    });
    const visible = inside && !off.depths.has(trial.depth) && terms.every((term) => term(trial));
    shown += visible;
    for (const mark of marksOf.get(trial.number) ?? []) mark.classList.toggle("off", !visible);
    const row = rowOf.get(trial.number);
    if (row) row.hidden = !visible;
  }
  for (const line of document.querySelectorAll("[data-depth]")) {
    line.classList.toggle("off", off.depths.has(Number(line.dataset.depth)));
  }
  const all = trialData.trials.length;
  document.getElementById("filter-count").textContent = shown === all ? `${all} trials` : `${shown} of ${all} trials`;
  document.getElementById("filter-reset").hidden = shown === all && !off.text;
}

function buildFilter() {
  const bar = element("form", { id: "filter", role: "search", "aria-label": "Filter of the trials" });
  bar.addEventListener("submit", (event) => event.preventDefault());
  const { name, labels, colors } = trialData.depth;
  if (labels.length > 1) {
    const set = element("fieldset", {}, element("legend", {}, name));
    labels.forEach((label, i) => {
      const box = element("input", { type: "checkbox", checked: "", "data-depth-box": i });
      box.addEventListener("change", () => {
        if (box.checked) off.depths.delete(i); else off.depths.add(i);
        applyFilter();
      });
      const swatch = element("span", { class: "swatch", style: `background: var(--${colors[i]})` });
      set.append(element("label", {}, box, swatch, label));
    });
    bar.append(set);
  }
  const text = element("input", {
    type: "search", id: "filter-text", placeholder: `lr>0.001 ${name || "epochs"}=3 complete`,
    "aria-describedby": "filter-message", "aria-label": "Show trials with", autocomplete: "off", spellcheck: "false",
  });
  text.addEventListener("input", () => { off.text = text.value; applyFilter(); });
  const reset = element("button", { type: "button", id: "filter-reset" }, "show all");
  reset.addEventListener("click", resetFilter);
  bar.append(text, element("span", { id: "filter-count", role: "status" }), reset);
  bar.append(element("span", { id: "filter-message", role: "alert" }));
  document.querySelector("nav.sections div").after(bar);
}

function resetFilter() {
  off.depths.clear();
  off.ranges.clear();
  off.text = document.getElementById("filter-text").value = "";
  showFilter();
}

function showFilter() { // the controls as the filter is
  document.getElementById("filter-text").value = off.text;
  for (const box of document.querySelectorAll("[data-depth-box]")) box.checked = !off.depths.has(Number(box.dataset.depthBox));
  for (const brush of document.querySelectorAll("[data-brush]")) drawBrush(Number(brush.dataset.brush));
  applyFilter();
}

// --- one trial ---

const tip = element("div", { id: "tip", "aria-hidden": "true" });
const live = element("div", { class: "unseen", role: "status" });
const panel = element("aside", { id: "trial", "aria-label": "One trial", tabindex: "-1", hidden: "" });
let picked = null, hot = null;

function told(trial, separator) {
  const names = trialData.axes.map((axis) => axis.label);
  const parts = trial.text.map((text, i) => (text && i ? `${names[i]} ${text}` : "")).filter(Boolean);
  return [`Trial ${trial.number}, ${trial.state}`, ...parts].join(separator);
}

function heat(number, x, y) {
  for (const mark of marksOf.get(hot) ?? []) mark.classList.remove("hot");
  hot = number;
  tip.classList.toggle("shown", number !== null);
  if (number === null) return;
  for (const mark of marksOf.get(number) ?? []) mark.classList.add("hot");
  const trial = trialOf.get(number);
  tip.textContent = trial ? told(trial, "\n") : `Trial ${number}`;
  const box = tip.getBoundingClientRect();
  tip.style.left = `${Math.max(4, Math.min(x + 14, innerWidth - box.width - 8))}px`;
  tip.style.top = `${Math.max(4, y + 18 + box.height > innerHeight ? y - box.height - 12 : y + 18)}px`;
}

function pick(number, focus = false) {
  for (const shown of [...(marksOf.get(picked) ?? []), rowOf.get(picked)]) shown?.classList.remove("picked");
  picked = trialOf.has(number) ? number : null;
  panel.hidden = picked === null;
  if (picked === null) return;
  for (const shown of [...(marksOf.get(picked) ?? []), rowOf.get(picked)]) shown?.classList.add("picked");
  fillPanel(trialOf.get(picked));
  if (focus) panel.focus();
}

function fillPanel(trial) {
  const close = element("button", { type: "button", class: "close", "aria-label": "Close" }, "×");
  close.addEventListener("click", () => pick(null));
  const list = element("dl", { class: "card" });
  trialData.axes.forEach((axis, i) => {
    if (i && trial.text[i]) list.append(element("dt", {}, axis.label), element("dd", {}, trial.text[i]));
  });
  for (const [what, said] of trial.course) list.append(element("dt", {}, what), element("dd", {}, said));
  panel.replaceChildren(close, element("h3", {}, `Trial ${trial.number}, ${trial.state}`), curveOf(trial), list);
  if (trial.note) panel.append(element("p", { class: "note" }, `Note: ${trial.note}`));
  if (trial.repeat) {
    const command = element("div", { class: "command" }, element("code", {}, trial.repeat), element("button", { type: "button", class: "copy" }, "copy"));
    panel.append(element("p", {}, "Run it again:"), command);
    addCopying(command.querySelector("button"));
  }
  if (trial.folder) panel.append(element("p", {}, element("a", { href: trial.folder }, "its folder")));
  if (rowOf.has(trial.number)) {
    const show = element("button", { type: "button" }, "its row in the table");
    show.addEventListener("click", () => {
      const row = rowOf.get(trial.number);
      row.hidden = false;
      row.scrollIntoView({ block: "center" });
      row.focus();
    });
    panel.append(element("p", {}, show));
  }
  panel.dispatchEvent(new CustomEvent("filled", { detail: trial }));
}

function curveOf(trial) {
  const best = trialOf.get(trialData.best);
  const lines = [[best, "second", `best, trial ${best?.number}`], [trial, "ink", `trial ${trial.number}`]]
    .filter(([one], i) => one?.curve.length > 1 && (i || one !== trial));
  if (!lines.length) return "";
  const values = lines.flatMap(([one]) => one.curve.map((point) => point[1]));
  const floor = trialData.floor;
  const height = (value) => (floor ? -Math.log10(Math.max(1 - value, floor)) : value);
  const low = Math.min(...values.map(height)), high = Math.max(...values.map(height));
  const last = Math.max(...lines.map(([one]) => one.curve.at(-1)[0]));
  const x = (epoch) => 34 + (250 * (epoch - 1)) / Math.max(1, last - 1);
  const y = (value) => 112 - (100 * (height(value) - low)) / (high - low || 1);
  const svg = drawn("svg", { viewBox: "0 0 300 132", role: "img", class: "curve" });
  svg.setAttribute("aria-label", `${trialData.curve} by epoch: ${lines.map(([one, , name]) => `${name} ends at ${one.curve.at(-1)[1]}`).join(", ")}`);
  svg.append(drawn("path", { d: "M34 8V112H288", class: "frame" }));
  for (const value of [Math.min(...values), Math.max(...values)]) {
    svg.append(drawn("text", { x: 31, y: y(value) + 3, "text-anchor": "end" }, value.toPrecision(3)));
  }
  svg.append(drawn("text", { x: 288, y: 124, "text-anchor": "end" }, `epoch ${last}`));
  lines.forEach(([one, color, name], i) => {
    const points = one.curve.map(([epoch, value]) => `${x(epoch).toFixed(1)},${y(value).toFixed(1)}`);
    svg.append(drawn("polyline", { points: points.join(" "), style: `stroke: var(--${color})` }));
    svg.append(drawn("text", { x: 40 + 120 * i, y: 124, style: `fill: var(--${color})` }, name));
  });
  return svg;
}
