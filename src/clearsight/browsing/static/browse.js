// Keys do what the buttons and links of the page do; filters show at once what they choose.
"use strict";

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input:not([type=checkbox]), select, textarea")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const target = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === key);
  if (target) {
    event.preventDefault();
    target.click();
    return;
  }
  const tiles = [...document.querySelectorAll(".tile a")];
  const at = tiles.indexOf(document.activeElement);
  const step = { ArrowRight: 1, ArrowLeft: -1 }[key];
  if (tiles.length && step) {
    event.preventDefault();
    tiles[Math.min(Math.max(at + step, 0), tiles.length - 1)].focus();
  }
});

for (const [id, name] of [["show-truth", "no-truth"], ["show-found", "no-found"]]) {
  const box = document.getElementById(id);
  if (box) {
    const follow = () => document.body.classList.toggle(name, !box.checked);
    box.addEventListener("change", follow);
    follow();
  }
}

for (const select of document.querySelectorAll(".filters select")) {
  select.addEventListener("change", () => select.form.requestSubmit());
}

// One decision at a time: a key that is held down decides once.
for (const form of document.querySelectorAll(".doubt form, .undo")) {
  form.addEventListener("submit", (event) => {
    if (document.body.dataset.sent) event.preventDefault();
    document.body.dataset.sent = "yes";
  });
}

// On a narrow page the pictures come first.
const side = document.querySelector(".side");
if (side && matchMedia("(max-width: 900px)").matches) side.open = false;
