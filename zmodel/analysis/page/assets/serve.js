// What a served page can do beside reading: notes, and stopping or continuing the study.
async function ask(path, body) {
  const sent = body && { method: "POST", headers: { "X-Zmodel": "1", "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const answer = await fetch(`/api/${path}`, sent || undefined);
  const found = await answer.json();
  if (!answer.ok) throw new Error(found.error);
  return found;
}

function noteOf(key, label, notes) {
  const box = element("textarea", { rows: key === "study" ? 1 : 3, maxlength: 2000, "aria-label": label, placeholder: label });
  box.value = notes[key] ?? "";
  const said = element("span", { class: "soft", role: "status" });
  const save = element("button", { type: "button" }, "save note");
  save.addEventListener("click", async () => {
    try {
      await ask("note", { key, text: box.value });
      notes[key] = box.value;
      said.textContent = " saved";
    } catch (error) { said.textContent = ` not saved: ${error.message}`; }
  });
  return element("p", { class: "note" }, box, element("br"), save, said);
}

function controls(found) {
  const said = element("span", { class: "soft", role: "status" });
  const bar = element("p", { id: "controls" });
  for (const [path, label] of [["stop", "stop the study"], ["continue", "continue the study"]]) {
    const button = element("button", { type: "button" }, label);
    button.addEventListener("click", async () => {
      try { said.textContent = ` ${(await ask(path, {})).told}`; } catch (error) { said.textContent = ` ${error.message}`; }
    });
    bar.append(button, " ");
  }
  bar.append(said);
  document.querySelector("header.top").append(bar, noteOf("study", "a note on the study", found.notes));
  panel.addEventListener("filled", (event) => {
    const { number } = event.detail;
    panel.append(noteOf(String(number), `a note on trial ${number}`, found.notes));
  });
  if (picked !== null) pick(picked);
}

if (location.protocol.startsWith("http") && typeof trialData === "object") {
  ask("state").then(controls).catch(() => { /* served by something else */ });
}
