"use strict";
const find = document.getElementById("find");
const told = document.getElementById("told");
const changes = [...document.querySelectorAll(".change")];
const buttons = [...document.querySelectorAll(".jobs button")];
const cards = [...document.querySelectorAll(".drawing a")];
let chosen = "";

function show() {
  const words = find.value.trim().toLowerCase();
  let shown = 0;
  for (const change of changes) {
    const jobs = JSON.parse(change.dataset.jobs);
    const fits = (!chosen || jobs.includes(chosen)) && change.textContent.toLowerCase().includes(words);
    change.hidden = !fits;
    shown += fits ? 1 : 0;
    if (fits && chosen) change.open = true;
  }
  for (const button of buttons) {
    button.setAttribute("aria-pressed", String(button.dataset.job === chosen));
  }
  for (const card of cards) {
    card.classList.toggle("chosen", card.firstElementChild.dataset.job === chosen);
  }
  const what = chosen ? ` of ${chosen}` : "";
  told.textContent = chosen || words ? `${shown} of ${changes.length} changes shown${what}.` : "";
  document.getElementById("all").hidden = !chosen && !words;
}

function choose(job) {
  chosen = chosen === job ? "" : job;
  show();
}

function clear() {
  chosen = "";
  find.value = "";
  show();
}

if (find) {
  for (const tools of document.querySelectorAll(".tools")) tools.hidden = false;
  find.addEventListener("input", show);
  document.getElementById("all").addEventListener("click", () => { clear(); find.focus(); });
  document.getElementById("open").addEventListener("click", () => {
    const open = !changes.some((change) => change.open);
    for (const change of changes) change.open = open;
  });
  for (const button of buttons) {
    button.addEventListener("click", () => choose(button.dataset.job));
  }
  for (const card of cards) {
    card.addEventListener("click", (event) => {
      event.preventDefault();
      choose(card.firstElementChild.dataset.job);
      if (chosen) document.getElementById("changes").scrollIntoView();
    });
  }
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && (chosen || find.value)) clear();
  });
}
const drawing = document.querySelector(".drawing");
const first = drawing?.querySelector(".card[class*=mark-]");
document.getElementById("size")?.addEventListener("change", () => {
  if (!first) return;
  const box = first.getBoundingClientRect();
  const around = drawing.getBoundingClientRect();
  drawing.scrollLeft += box.left + box.width / 2 - around.left - around.width / 2;
});
