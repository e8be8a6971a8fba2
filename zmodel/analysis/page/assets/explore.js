// What a reader does with the figures: hover, pick, walk with the keys, brush, choose the axes.
const REACH = 14; // pixels from a dot that count as on it

function dotsOf(svg) { // the places of a figure's dots, measured once
  const frame = svg.getBoundingClientRect();
  const cached = svg.dotPlaces;
  if (cached && cached.width === frame.width) return cached.dots;
  const dots = [...svg.querySelectorAll("[data-trial]")].filter((mark) => mark.tagName !== "path" || !mark.closest("[data-line]"));
  const places = dots.map((mark) => {
    const box = mark.getBoundingClientRect();
    return { mark, x: box.x + box.width / 2 - frame.x, y: box.y + box.height / 2 - frame.y, wide: box.width > 60 };
  });
  svg.dotPlaces = { width: frame.width, dots: places.filter((dot) => !dot.wide) };
  return svg.dotPlaces.dots;
}

function trialAt(event) {
  const own = event.target.closest?.("[data-trial]");
  if (own) return Number(own.dataset.trial);
  const svg = event.target.closest?.(".plot svg");
  if (!svg) return null;
  const frame = svg.getBoundingClientRect();
  let best = null, nearest = REACH;
  for (const { mark, x, y } of dotsOf(svg)) {
    const far = Math.hypot(event.clientX - frame.x - x, event.clientY - frame.y - y);
    if (far < nearest && !mark.classList.contains("off")) [best, nearest] = [Number(mark.dataset.trial), far];
  }
  return best;
}

let waiting = false;
document.addEventListener("pointermove", (event) => {
  if (waiting || event.buttons) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    heat(trialAt(event), event.clientX, event.clientY);
  });
});

document.addEventListener("click", (event) => {
  if (event.target.closest("a, button, input, select, summary, aside, [data-brush]")) return;
  const row = event.target.closest("#trials-table tbody tr");
  const number = row ? Number(row.dataset.row) : trialAt(event);
  if (number !== null) pick(number);
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    heat(null);
    pick(null);
    return;
  }
  const row = event.target.closest("#trials-table tbody tr");
  if (row) walkRows(event, row);
  else if (event.target.classList?.contains("plot")) walkDots(event, event.target);
});

function walkRows(event, row) {
  if (event.key === "Enter" && event.target === row) pick(Number(row.dataset.row), true);
  const step = { ArrowDown: "nextElementSibling", ArrowUp: "previousElementSibling" }[event.key];
  if (!step) return;
  let next = row[step];
  while (next?.hidden) next = next[step];
  if (!next) return;
  event.preventDefault();
  row.tabIndex = -1;
  next.tabIndex = 0;
  next.focus();
}

function walkDots(event, plot) { // from left to right, each trial once
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  const svg = plot.querySelector("svg");
  if (event.key === "Enter" && hot !== null) pick(hot, true);
  if (!step) return;
  const dots = dotsOf(svg).filter((dot) => !dot.mark.classList.contains("off"));
  const order = [...new Map(dots.sort((a, b) => a.x - b.x || b.y - a.y).map((dot) => [Number(dot.mark.dataset.trial), dot])).entries()];
  if (!order.length) return;
  event.preventDefault();
  const at = order.findIndex(([number]) => number === hot);
  const [number, dot] = order[(at + step + order.length) % order.length];
  const frame = svg.getBoundingClientRect();
  heat(number, frame.x + dot.x, frame.y + dot.y);
  live.textContent = trialOf.has(number) ? told(trialOf.get(number), ", ") : `Trial ${number}`;
}

// --- brushing the parallel coordinates ---

const brushes = new Map(); // axis -> {box, rect}

for (const axis of document.querySelectorAll("#parallel [data-axis]")) {
  const at = Number(axis.dataset.axis);
  const box = axis.getBBox();
  const rect = drawn("rect", { class: "brush", y: box.y - 5, height: 10, x: box.x, width: 0 });
  const grip = drawn("rect", { class: "grip", "data-brush": at, x: box.x - 6, y: box.y - 9, width: box.width + 12, height: 18 });
  grip.append(drawn("title", {}, "Drag to show only the trials in a part of this axis"));
  axis.after(rect, grip);
  brushes.set(at, { box, rect });
  grip.addEventListener("pointerdown", (event) => {
    grip.setPointerCapture(event.pointerId);
    const from = placeAlong(grip, box, event);
    const drag = (moved) => {
      const to = placeAlong(grip, box, moved);
      off.ranges.set(at, [Math.min(from, to), Math.max(from, to)]);
      drawBrush(at);
      applyFilter();
    };
    const end = (moved) => {
      grip.removeEventListener("pointermove", drag);
      grip.removeEventListener("pointerup", end);
      drag(moved);
      if (Math.abs(placeAlong(grip, box, moved) - from) < 0.01) off.ranges.delete(at); // a click
      drawBrush(at);
      applyFilter();
    };
    grip.addEventListener("pointermove", drag);
    grip.addEventListener("pointerup", end);
  });
}

function placeAlong(grip, box, event) {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(grip.getScreenCTM().inverse());
  return Math.min(1, Math.max(0, (point.x - box.x) / box.width));
}

function drawBrush(at) {
  const { box, rect } = brushes.get(at);
  const [low, high] = off.ranges.get(at) ?? [0, 0];
  rect.setAttribute("x", box.x + low * box.width);
  rect.setAttribute("width", (high - low) * box.width);
}

// --- any two axes ---

const chosen = {};

function buildScatter() {
  const anchor = document.getElementById("contour") ?? document.getElementById("slice");
  if (!anchor || trialData.trials.length < 2) return;
  const depths = trialData.depth.labels.length ? ["depth"] : [];
  const [, second, third] = trialData.parallel.axes; // the first one is in every slice
  const controls = element("p", { class: "controls" });
  for (const [name, start] of [["x", second ?? 0], ["y", third ?? 1], ["colour", depths[0] ?? 1]]) {
    const select = element("select", { "data-axis-choice": name });
    if (name === "colour") for (const depth of depths) select.append(element("option", { value: depth }, trialData.depth.name));
    trialData.axes.forEach((axis, i) => select.append(element("option", { value: i }, axis.label)));
    select.value = chosen[name] = String(start);
    select.addEventListener("change", () => { chosen[name] = select.value; drawScatter(); });
    controls.append(element("label", {}, `${name} `, select), " ");
  }
  anchor.after(element("section", { id: "any-axes" },
    element("h3", {}, "Any two axes"), element("p", { class: "question" }, "What do the trials look like from another side?"),
    controls, element("figure", {}, element("div", { class: "plot", tabindex: "0", role: "group", "aria-label": "Figure: any two axes. Arrow keys walk through the trials." })),
    element("p", { class: "soft" }, "Colours by a number run from pale, low, to strong, high. Open circles have not completed.")));
  drawScatter();
}

function drawScatter() {
  const [x, y] = [trialData.axes[chosen.x], trialData.axes[chosen.y]];
  const svg = drawn("svg", { viewBox: "0 0 480 330", role: "img", class: "scatter" });
  svg.setAttribute("aria-label", `${y.label} against ${x.label}, a circle for each trial`);
  const left = 64, right = 468, top = 12, bottom = 284;
  const placeX = (place) => left + 8 + (right - left - 16) * place, placeY = (place) => bottom - 8 - (bottom - top - 16) * place;
  for (const [place, label] of x.ticks) {
    svg.append(drawn("path", { d: `M${placeX(place)} ${top}V${bottom}`, class: "grid" }), drawn("text", { x: placeX(place), y: bottom + 16, "text-anchor": "middle" }, label));
  }
  for (const [place, label] of y.ticks) {
    svg.append(drawn("path", { d: `M${left} ${placeY(place)}H${right}`, class: "grid" }), drawn("text", { x: left - 6, y: placeY(place) + 4, "text-anchor": "end" }, label));
  }
  svg.append(drawn("path", { d: `M${left} ${top}V${bottom}H${right}`, class: "frame" }));
  svg.append(drawn("text", { x: (left + right) / 2, y: 318, "text-anchor": "middle" }, x.label + x.scale));
  svg.append(drawn("text", { transform: `translate(14 ${(top + bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, y.label + y.scale));
  for (const marks of marksOf.values()) for (const mark of [...marks]) if (mark.closest("#any-axes")) marks.splice(marks.indexOf(mark), 1);
  for (const trial of trialData.trials) {
    const [a, b] = [trial.at[chosen.x], trial.at[chosen.y]];
    if (a === null || b === null) continue;
    const color = colorOf(trial);
    const look = trial.state === "complete" ? `fill: ${color}` : `fill: none; stroke: ${color}; stroke-width: 1.5px`;
    const dot = drawn("circle", { cx: placeX(a).toFixed(1), cy: placeY(b).toFixed(1), r: trialData.trials.length < 300 ? 4 : 2.6, style: look });
    addMark(dot, trial.number);
    svg.append(dot);
  }
  document.querySelector("#any-axes .plot").replaceChildren(svg);
  applyFilter();
  if (picked !== null) pick(picked);
}

function colorOf(trial) {
  if (chosen.colour === "depth") return trial.depth === null ? "var(--muted)" : `var(--${trialData.depth.colors[trial.depth]})`;
  const place = trial.at[chosen.colour];
  return place === null ? "var(--muted)" : `color-mix(in oklab, var(--second) ${Math.round(place * 100)}%, var(--pale))`;
}

if (trialData.trials.length) {
  document.documentElement.classList.add("scripted");
  document.body.append(tip, live, panel);
  buildFilter();
  buildScatter();
  applyFilter();
  for (const plot of document.querySelectorAll(".plot")) if (plot.querySelector("[data-trial]")) plot.classList.add("touchable");
  const first = table?.tBodies[0].rows[0];
  if (first) first.tabIndex = 0;
  for (const row of rowOf.values()) if (row !== first) row.tabIndex = -1;
}
