// A page that is written again and again: it reloads itself and is then as the reader left it.
const root = document.documentElement;
const every = Number(root.dataset.refresh ?? 0);
const memory = `zmodel ${location.pathname}`;
const SILENT = 600; // seconds without news after which nobody seems to write the page any more
const served = location.protocol.startsWith("http");

function nameOf(details) {
  return `${details.closest("[id]")?.id}/${details.querySelector("summary").textContent}`;
}

function nameOfTable(table) {
  return table.parentElement.getAttribute("aria-label");
}

function inView() { // the first part of the page on the screen, and where it stands
  const parts = [...document.querySelectorAll("main [id]")].filter((part) => part.getBoundingClientRect().height);
  const first = parts.find((part) => part.getBoundingClientRect().bottom > 0);
  return first && scrollY > 0 ? { id: first.id, top: first.getBoundingClientRect().top } : null;
}

function remember() {
  const touched = typeof trialData === "object" && trialData.trials.length;
  const place = {
    view: inView(),
    details: [...document.querySelectorAll("details[open]")].map(nameOf),
    sorted: [...document.querySelectorAll("th[aria-sort]")].map((head) =>
      [nameOfTable(head.closest("table")), head.cellIndex, head.getAttribute("aria-sort")]),
    scrolled: [...document.querySelectorAll(".scroll")].map((box) => [box.getAttribute("aria-label"), box.scrollTop]),
    filter: touched && { text: off.text, depths: [...off.depths], ranges: [...off.ranges] },
    picked: touched ? picked : null, chosen: touched && { ...chosen },
  };
  try { sessionStorage.setItem(memory, JSON.stringify(place)); } catch { /* it starts anew */ }
}

function recall() {
  try { return JSON.parse(sessionStorage.getItem(memory)); } catch { return null; }
}

function restore(place) {
  const open = new Set(place.details);
  for (const details of document.querySelectorAll("details")) details.open = open.has(nameOf(details));
  for (const [name, column, order] of place.sorted) {
    const table = [...document.querySelectorAll("table.sortable")].find((one) => nameOfTable(one) === name);
    const head = table?.tHead.rows[0].cells[column];
    for (let i = 0; head && i < 2 && head.getAttribute("aria-sort") !== order; i++) head.querySelector("button").click();
  }
  if (place.filter) {
    off.text = place.filter.text;
    off.depths = new Set(place.filter.depths);
    off.ranges = new Map(place.filter.ranges.filter(([at]) => brushes.has(at)));
    for (const select of document.querySelectorAll("[data-axis-choice]")) {
      const wanted = place.chosen[select.dataset.axisChoice];
      if ([...select.options].some((option) => option.value === wanted)) chosen[select.dataset.axisChoice] = select.value = wanted;
    }
    if (document.getElementById("any-axes")) drawScatter();
    showFilter();
    pick(place.picked);
  }
  for (const [name, top] of place.scrolled) {
    const box = [...document.querySelectorAll(".scroll")].find((one) => one.getAttribute("aria-label") === name);
    if (box) box.scrollTop = top;
  }
  const part = place.view && document.getElementById(place.view.id);
  if (part) scrollBy({ top: part.getBoundingClientRect().top - place.view.top, behavior: "instant" });
}

function silence() {
  return (Date.now() - new Date(root.dataset.made)) / 1000;
}

async function hasNews() { // a server tells; a file is simply read again
  if (!served) return silence() < SILENT;
  const answer = await fetch(location.pathname, { method: "HEAD", cache: "no-store" });
  if (!answer.ok) throw new Error("refused");
  return Date.parse(answer.headers.get("Last-Modified")) > Date.parse(document.lastModified);
}

function reloadSoon(seconds) {
  setTimeout(async () => {
    const busy = document.activeElement?.matches("input, select, textarea") || String(getSelection());
    if (busy || document.hidden) return reloadSoon(1); // not under the reader's hands
    try {
      if (await hasNews()) {
        remember();
        history.scrollRestoration = "manual"; // the browser's own would come after ours
        location.reload();
      } else if (served) reloadSoon(every);
      else showState();
    } catch { state.textContent = "so far; nobody serves this page any more"; }
  }, seconds * 1000);
}

const place = recall();
const reloaded = performance.getEntriesByType("navigation")[0]?.type === "reload";
if (place && reloaded) restore(place);
const state = document.getElementById("live");
if (every) {
  showState();
  if (served || silence() < SILENT) reloadSoon(every);
}

function showState() {
  const since = root.dataset.made.slice(11);
  const alive = served || silence() < SILENT;
  state.textContent = alive ? `so far, as of ${since}` : `so far; nobody has written this page since ${since}`;
}
