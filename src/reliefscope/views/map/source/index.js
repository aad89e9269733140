// Two entrances to one map: `render` for Panel, `mount` for a page of plain HTML.
import { createMap } from "./map.js";
import { createPage } from "./page.js";
import style from "./style.css";

const NAMES = ["layers", "fit", "view", "swipe", "mode", "drawn", "graticule", "legend", "theme", "words"];

function styled(root) {
  const sheet = document.createElement("style");
  sheet.textContent = style;
  root.append(sheet);
}

export function render({ model, el }) {
  const root = document.createElement("div");
  root.className = "rs-root";
  const host = document.createElement("div");
  styled(el);
  el.append(root);
  if (model.layout !== undefined) {
    const map = () => made;
    createPage(root, host, model, map);
  } else {
    root.append(host);
    if (model.tall) host.style.height = `${model.tall}px`;
  }
  const state = Object.fromEntries(NAMES.map((name) => [name, model[name]]));
  const quiet = new Set();
  const made = createMap(host, state, (name, value) => {
    if (name === "mode" || name === "drawn") made.update(name, value);
    quiet.add(name);
    model[name] = value;
    quiet.delete(name);
  });
  for (const name of NAMES)
    model.on(name, () => {
      if (!quiet.has(name)) made.update(name, model[name]);
    });
  model.on("remove", () => made.destroy());
}

export function mount(host, state, emit = () => {}) {
  const root = host.attachShadow({ mode: "open" });
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(style);
  root.adoptedStyleSheets = [sheet];
  const inner = document.createElement("div");
  root.append(inner);
  return createMap(inner, { graticule: true, theme: "light", swipe: -1, ...state }, emit);
}

/** A page of plain HTML that states its map, in an element of JSON, is given one in place of a picture. */
function mountStated() {
  const told = document.getElementById("map-state");
  const host = document.getElementById("map");
  if (!told || !host) return;
  host.hidden = false;
  document.getElementById("map-layers")?.removeAttribute("hidden");
  document.getElementById("map-picture")?.remove();
  const made = mount(host, JSON.parse(told.textContent));
  document.addEventListener("input", ({ target }) => {
    const { layer } = target.dataset;
    if (layer) made.update("look", { id: layer, visible: target.checked });
  });
}
if (typeof document !== "undefined") mountStated();

export default { render };
