"use strict";
const texts = TEXTS;
const stage = document.getElementById("stage");
const divider = document.getElementById("divider");
const place = () => {
  stage.style.setProperty("--at", `${divider.value}%`);
  divider.setAttribute("aria-valuetext", `${divider.value} %`);
};
const speak = (language) => {
  const t = texts[language];
  document.documentElement.lang = language;
  document.documentElement.dir = t.dir;
  document.title = `${t.title} - ${t.kind}`;
  for (const e of document.querySelectorAll("[data-t]")) e.textContent = t[e.dataset.t];
  for (const e of document.querySelectorAll("[data-alt]")) e.alt = t[e.dataset.alt];
  for (const e of document.querySelectorAll("[data-mark]")) e.textContent = t.marks[e.dataset.mark];
  document.querySelectorAll("#marks p").forEach((e, i) => { e.textContent = t.marks[i]; });
  document.querySelectorAll("#facts div").forEach((e, i) => {
    e.querySelector("dt").textContent = t.facts[i][0];
    e.querySelector("bdi").textContent = t.facts[i][1];
  });
  divider.setAttribute("aria-label", t.divider);
};
document.body.classList.remove("still");
divider.addEventListener("input", place);
document.getElementById("outline").addEventListener("change", (e) => stage.classList.toggle("bare", !e.target.checked));
const choice = document.getElementById("language");
if (choice) choice.addEventListener("change", () => speak(choice.value));
place();
