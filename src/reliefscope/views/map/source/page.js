// A page around the map: markup comes from Python, what people do goes back as messages.
const LARGEST = 8 * 1024 * 1024;

const within = (root) => root.getRootNode();

/** Replace the markup of a region, and leave focus, open details and typed text where they were. */
function fill(root, region, markup) {
  const active = within(root).activeElement;
  const focused = active && region.contains(active) ? active.id : "";
  const open = [...region.querySelectorAll("details[open][id]")].map((d) => d.id);
  const offset = region.scrollTop;
  region.innerHTML = markup;
  for (const id of open) within(root).getElementById(id)?.setAttribute("open", "");
  region.scrollTop = offset;
  if (focused) within(root).getElementById(focused)?.focus({ preventScroll: true });
}

/** What was typed into fields and not sent yet, by their names. */
function typedIn(root) {
  const fields = [...root.querySelectorAll("input[id]:not([readonly])")];
  const changed = fields.filter((f) => ["text", "search", "date"].includes(f.type) && f.value !== f.defaultValue);
  return changed.map((field) => [field.id, field.value]);
}

function retype(root, typed) {
  for (const [id, value] of typed) {
    const field = root.querySelector(`#${CSS.escape(id)}`);
    if (field) field.value = value;
  }
}

export function createPage(root, host, model, map) {
  const shown = {};

  function regions() {
    for (const [name, markup] of Object.entries(model.regions ?? {})) {
      const region = root.querySelector(`[data-region="${name}"]`);
      if (!region || shown[name] === markup) continue;
      shown[name] = markup;
      fill(root, region, markup);
    }
  }
  function layout() {
    const typed = typedIn(root);
    root.innerHTML = model.layout;
    for (const name of Object.keys(shown)) delete shown[name];
    const frame = root.querySelector("[data-map]");
    frame?.append(host);
    regions();
    dress();
    retype(root, typed);
    if (model.whole) takeOver(root, frame, host, send);
  }
  function dress() {
    const { lang, dir, theme, title } = model.dress ?? {};
    const page = document.documentElement;
    if (lang && model.whole) {
      page.lang = lang;
      page.dir = dir;
      page.dataset.theme = theme;
      if (title) document.title = title;
    }
    root.lang = lang;
    root.dir = dir;
    root.dataset.theme = theme;
  }

  const send = (act, more = {}) => model.send_msg({ act, ...more });
  const acting = (event) => event.target.closest?.("[data-act]");

  root.addEventListener("click", (event) => {
    const jump = event.target.closest("[data-jump]");
    if (jump) {
      event.preventDefault();
      const to = root.querySelector(`#${jump.dataset.jump}`);
      to?.scrollIntoView();
      to?.focus();
      return;
    }
    const element = acting(event);
    if (!element || !["BUTTON", "A"].includes(element.tagName)) return;
    event.preventDefault();
    if (element.dataset.act === "copy") {
      const box = root.querySelector(`#${element.dataset.arg}`);
      box.select();
      navigator.clipboard?.writeText(box.value).catch(() => {});
    }
    send(element.dataset.act, { arg: element.dataset.arg ?? "" });
  });
  root.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target;
    send(form.dataset.act, { values: Object.fromEntries(new FormData(form)) });
  });
  root.addEventListener("input", (event) => {
    const { layer, look, out } = event.target.dataset;
    if (out) root.querySelector(`#${out}`).textContent = event.target.value;
    if (!layer) return;
    const value = look === "visible" ? event.target.checked : Number(event.target.value) / 100;
    map().update("look", { id: layer, [look]: value });
  });
  root.addEventListener("change", async (event) => {
    const element = event.target;
    if (!element.dataset.act || element.tagName === "FORM") return;
    const arg = element.dataset.arg ?? "";
    if (element.type === "file") {
      const file = element.files[0];
      if (!file) return;
      if (file.size > LARGEST) return send("too_large", { arg: file.name.slice(0, 200) });
      const bytes = new Uint8Array(await file.arrayBuffer());
      let text = "";
      for (let i = 0; i < bytes.length; i += 32768) text += String.fromCharCode(...bytes.subarray(i, i + 32768));
      send(element.dataset.act, { arg: file.name.slice(0, 200), content: btoa(text) });
    } else {
      send(element.dataset.act, { arg, value: element.type === "checkbox" ? element.checked : element.value });
    }
  });

  // Files that Python hands over, where no route serves them.
  model.on("msg:custom", (event) => {
    const data = event.data ?? event;
    if (data?.kind !== "file") return;
    const bytes = Uint8Array.from(atob(data.content), (c) => c.charCodeAt(0));
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([bytes], { type: data.type }));
    link.download = data.name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  });

  let timer;
  function play() {
    clearInterval(timer);
    if (model.playing) timer = setInterval(() => send("step", { arg: "1" }), 1500);
  }
  model.on("playing", play);
  model.on("layout", layout);
  model.on("regions", regions);
  model.on("dress", dress);
  model.on("remove", () => clearInterval(timer));
  layout();
  play();
}

/** Put the page in the place of the plain one that came first, with what was done on it meanwhile. */
function takeOver(root, frame, host, send) {
  const first = document.getElementById("first");
  if (!first) return;
  const active = document.activeElement;
  retype(root, typedIn(first));
  const picture = first.querySelector(".rs-still");
  if (picture && frame) {
    frame.append(picture);
    const done = new MutationObserver(() => {
      if (host.dataset.drawn !== "yes") return;
      done.disconnect();
      picture.remove();
    });
    done.observe(host, { attributes: true, attributeFilter: ["data-drawn"] });
  }
  const focused = first.contains(active) ? active.id : "";
  first.remove();
  if (focused) root.querySelector(`#${CSS.escape(focused)}`)?.focus({ preventScroll: true });
  for (const { act, ...more } of globalThis.reliefscopeActs?.splice(0) ?? []) send(act, more);
}
