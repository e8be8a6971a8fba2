"use strict";
// Sorting: a click on a column's button sorts by it, a second click turns the order round.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    head.querySelector("button").addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
      const body = table.tBodies[0];
      const key = (row) => row.cells[column].dataset.key ?? row.cells[column].textContent;
      const rows = [...body.rows].map((row) => [key(row), row]);
      rows.sort(([a], [b]) => {
        if (a === b) return 0;
        if (a === "") return 1; // empty cells last, whatever the order
        if (b === "") return -1;
        const x = Number(a), y = Number(b);
        const order = Number.isNaN(x) || Number.isNaN(y) ? a.localeCompare(b) : x - y;
        return down ? -order : order;
      });
      body.append(...rows.map(([, row]) => row));
    });
  });
}

function addCopying(button) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const text = button.parentElement.querySelector("code").textContent;
    try {
      await navigator.clipboard.writeText(text);
      button.textContent = "copied";
    } catch {
      getSelection().selectAllChildren(button.parentElement.querySelector("code"));
      button.textContent = "selected";
    }
  });
}
document.querySelectorAll("button.copy").forEach(addCopying);

// Theme: the system's, until the reader chooses otherwise.
const toggle = document.getElementById("theme");
toggle.hidden = false;
const stored = (() => { try { return localStorage.getItem("zmodel-theme"); } catch { return null; } })();
if (stored) document.documentElement.dataset.theme = stored;
toggle.addEventListener("click", () => {
  const dark = getComputedStyle(document.body).getPropertyValue("--is-dark").trim() === "1";
  document.documentElement.dataset.theme = dark ? "light" : "dark";
  try { localStorage.setItem("zmodel-theme", dark ? "light" : "dark"); } catch { /* not kept */ }
});
