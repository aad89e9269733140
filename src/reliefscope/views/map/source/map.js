// The map: described by plain values, reports plain values, knows neither Panel nor the page around it.
import Feature from "ol/Feature.js";
import OlMap from "ol/Map.js";
import View from "ol/View.js";
import Attribution from "ol/control/Attribution.js";
import ScaleLine from "ol/control/ScaleLine.js";
import Zoom from "ol/control/Zoom.js";
import GeoJSON from "ol/format/GeoJSON.js";
import MVT from "ol/format/MVT.js";
import { fromExtent } from "ol/geom/Polygon.js";
import { defaults as defaultInteractions } from "ol/interaction/defaults.js";
import Draw, { createBox } from "ol/interaction/Draw.js";
import Modify from "ol/interaction/Modify.js";
import Graticule from "ol/layer/Graticule.js";
import ImageLayer from "ol/layer/Image.js";
import TileLayer from "ol/layer/Tile.js";
import VectorLayer from "ol/layer/Vector.js";
import VectorTileLayer from "ol/layer/VectorTile.js";
import { fromLonLat, toLonLat, transformExtent } from "ol/proj.js";
import ImageStatic from "ol/source/ImageStatic.js";
import VectorSource from "ol/source/Vector.js";
import VectorTileSource from "ol/source/VectorTile.js";
import XYZ from "ol/source/XYZ.js";
import { unByKey } from "ol/Observable.js";
import Circle from "ol/style/Circle.js";
import Fill from "ol/style/Fill.js";
import Stroke from "ol/style/Stroke.js";
import Style from "ol/style/Style.js";
import Text from "ol/style/Text.js";
import { basemapLayers } from "./basemap.js";
import { hatch } from "./hatch.js";

const geojson = new GeoJSON({ dataProjection: "EPSG:4326", featureProjection: "EPSG:3857" });
const still = () => window.matchMedia("(prefers-reduced-motion: reduce)").matches;

/** Style of a vector layer from {stroke, width, fill, dash, radius, label}; of many areas, only those
 * that have room for their name show it. */
function styleOf(given = {}, dark, many = false) {
  const stroke = given.stroke
    ? new Stroke({ color: given.stroke, width: given.width ?? 1, lineDash: given.dash })
    : undefined;
  const fill = given.fill ? new Fill({ color: given.fill }) : undefined;
  const image = given.radius
    ? new Circle({ radius: given.radius, fill: fill ?? new Fill({ color: "#fff" }), stroke })
    : undefined;
  const ink = new Fill({ color: dark ? "#f1f5f9" : "#14202b" });
  const halo = new Stroke({ color: dark ? "#0b1117" : "#fff", width: 3 });
  const bare = new Style({ stroke, fill, image });
  return (feature) => {
    const label = given.label ? String(feature.get(given.label) ?? "") : "";
    if (!label) return bare;
    const text = new Text({
      text: label,
      font: "12px system-ui, sans-serif",
      offsetY: given.radius ? -given.radius - 8 : 0,
      overflow: !given.radius && !many,
      fill: ink,
      stroke: halo,
    });
    return new Style({ stroke, fill, image, text });
  };
}

const mercator = (extent) => (extent ? transformExtent(extent, "EPSG:4326", "EPSG:3857") : undefined);

/** Layers of OpenLayers from one frozen description: one, or a picture with tiles for closer looks. */
function layersOf(given, dark) {
  const common = { zIndex: given.order, className: `layer-${given.id}` };
  const made = [];
  if (given.image)
    made.push(
      new ImageLayer({
        ...common,
        maxZoom: given.tiles ? given.fine_from : undefined,
        source: new ImageStatic({
          url: given.image,
          imageExtent: mercator(given.extent),
          projection: "EPSG:3857",
          interpolate: given.smooth ?? false,
        }),
      }),
    );
  if (given.tiles)
    made.push(
      new TileLayer({
        ...common,
        minZoom: given.image ? given.fine_from : undefined,
        source: new XYZ({
          url: given.tiles,
          maxZoom: given.zooms?.[1] ?? 18,
          interpolate: given.smooth ?? false,
          transition: still() || given.pattern ? 0 : 150,
        }),
        extent: mercator(given.extent),
      }),
    );
  if (given.vector_tiles)
    made.push(
      new VectorTileLayer({
        ...common,
        source: new VectorTileSource({ format: new MVT(), url: given.vector_tiles, maxZoom: 14 }),
        style: styleOf(given.style, dark, true),
        renderMode: "hybrid",
        declutter: Boolean(given.style?.label),
      }),
    );
  if (!made.length) {
    const source =
      typeof given.vectors === "string"
        ? new VectorSource({ format: geojson, url: given.vectors })
        : new VectorSource({ features: geojson.readFeatures(given.vectors) });
    made.push(new VectorLayer({ ...common, source, style: styleOf(given.style, dark), declutter: true }));
  }
  for (const layer of made) layer.set("given", given);
  return made;
}

export function createMap(host, state, emit) {
  host.classList.add("rs-map");
  host.replaceChildren();
  const target = document.createElement("div");
  target.className = "rs-target";
  target.tabIndex = 0;
  target.setAttribute("role", "application");
  host.append(target);

  const view = new View({ center: [0, 0], zoom: 1, maxZoom: 19, enableRotation: false });
  const map = new OlMap({
    target,
    view,
    keyboardEventTarget: target,
    interactions: defaultInteractions({ altShiftDragRotate: false, pinchRotate: false }),
    controls: [],
  });
  const sketch = new VectorSource();
  const sketchLayer = new VectorLayer({
    source: sketch,
    zIndex: 900,
    style: styleOf({ stroke: "#b3005e", width: 3, fill: "rgba(179,0,94,0.12)" }),
  });
  map.addLayer(sketchLayer);
  const graticule = new Graticule({
    showLabels: true,
    lonLabelPosition: 0.015, // off the edges, which would cut them
    latLabelPosition: 0.99,
    wrapX: false,
    zIndex: 800,
    strokeStyle: new Stroke({ color: "rgba(80,100,120,0.45)", width: 1, lineDash: [2, 5] }),
    targetSize: 160,
  });
  map.addLayer(graticule);

  let shown = new Map();
  let ground = [];
  let tools = [];
  let keys = [];
  let telling = 0;
  const current = { ...state };

  // Swipe: layers of one side are clipped at the divider while they are drawn.
  const swipe = document.createElement("div");
  swipe.className = "rs-swipe";
  swipe.innerHTML =
    '<div class="rs-line" aria-hidden="true"></div>' +
    '<span class="rs-side rs-left" aria-hidden="true"></span><span class="rs-side rs-right" aria-hidden="true"></span>' +
    '<input type="range" min="0" max="100" step="1" dir="ltr">';
  const slider = swipe.querySelector("input");
  const line = swipe.querySelector(".rs-line");
  host.append(swipe);
  const words = (key) => current.words?.[key] ?? key;

  function clip(layer) {
    const side = layer.get("given").side;
    if (!side) return;
    layer.on("prerender", (event) => {
      if (current.swipe == null || current.swipe < 0) return;
      const ctx = event.context;
      const ratio = ctx.canvas.width / map.getSize()[0];
      const x = map.getSize()[0] * current.swipe * ratio;
      ctx.save();
      ctx.setTransform(1, 0, 0, 1, 0, 0);
      ctx.beginPath();
      if (side === "left") ctx.rect(0, 0, x, ctx.canvas.height);
      else ctx.rect(x, 0, ctx.canvas.width - x, ctx.canvas.height);
      ctx.clip();
      layer.set("clipped", true);
    });
    layer.on("postrender", (event) => {
      if (!layer.get("clipped")) return;
      layer.set("clipped", false);
      event.context.restore();
    });
  }

  function place(fraction, told) {
    current.swipe = Math.min(1, Math.max(0, fraction));
    const percent = Math.round(current.swipe * 100);
    slider.value = String(percent);
    slider.setAttribute("aria-valuetext", `${percent} %`);
    line.style.left = `${current.swipe * 100}%`;
    for (const layer of [...shown.values()].flat()) if (layer.get("given").side) layer.changed();
    if (told) soon("swipe", current.swipe);
  }

  const waiting = {};
  function soon(name, value) {
    clearTimeout(waiting[name]);
    waiting[name] = setTimeout(() => emit(name, value), 250);
  }

  slider.addEventListener("input", () => place(Number(slider.value) / 100, true));
  line.addEventListener("pointerdown", (event) => {
    line.setPointerCapture(event.pointerId);
    const follow = (e) => {
      const box = host.getBoundingClientRect();
      place((e.clientX - box.left) / box.width, true);
    };
    line.addEventListener("pointermove", follow);
    line.addEventListener("pointerup", () => line.removeEventListener("pointermove", follow), { once: true });
    event.preventDefault();
  });

  // What is pointed at is told in words, beside the map.
  map.on("singleclick", (event) => {
    if (current.mode) return;
    let found = null;
    map.forEachFeatureAtPixel(
      event.pixel,
      (feature, layer) => {
        if (!layer?.get("given") || layer.get("given").silent) return undefined;
        const { geometry, ...properties } = feature.getProperties();
        found = { layer: layer.get("given").id, properties };
        return true;
      },
      { hitTolerance: 6 },
    );
    telling += 1;
    emit("clicked", { ...(found ?? { layer: "", properties: {} }), lonlat: toLonLat(event.coordinate), count: telling });
  });
  let moving = false;
  map.on("moveend", () => {
    if (moving) {
      moving = false;
      return;
    }
    const [lon, lat] = toLonLat(view.getCenter());
    const told = { lon: round(lon, 5), lat: round(lat, 5), zoom: round(view.getZoom(), 2) };
    if (JSON.stringify(told) === JSON.stringify(current.view)) return;
    current.view = told;
    soon("view", told);
  });
  const round = (value, digits) => Number(value.toFixed(digits));

  target.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && current.mode) emit("mode", "");
  });

  function drawnNow() {
    const features = sketch.getFeatures();
    if (!features.length) return {};
    return JSON.parse(geojson.writeGeometry(features[0].getGeometry(), { decimals: 6 }));
  }

  function setMode(mode) {
    tools.forEach((tool) => map.removeInteraction(tool));
    tools = [];
    current.mode = mode;
    target.classList.toggle("rs-drawing", mode === "polygon" || mode === "box");
    if (mode === "polygon" || mode === "box") {
      const draw = new Draw({
        source: sketch,
        type: mode === "box" ? "Circle" : "Polygon",
        geometryFunction: mode === "box" ? createBox() : undefined,
      });
      draw.on("drawstart", () => sketch.clear());
      draw.on("drawend", () =>
        setTimeout(() => {
          current.drawn = drawnNow();
          emit("drawn", current.drawn);
          emit("mode", "modify");
        }, 0),
      );
      tools = [draw];
    } else if (mode === "modify") {
      const modify = new Modify({ source: sketch });
      modify.on("modifyend", () => {
        current.drawn = drawnNow();
        emit("drawn", current.drawn);
      });
      tools = [modify];
    }
    tools.forEach((tool) => map.addInteraction(tool));
  }

  const set = {
    layers(given) {
      const dark = current.theme === "dark";
      const kept = new Map();
      const drop = (layers) => layers?.forEach((layer) => map.removeLayer(layer));
      for (const one of given ?? []) {
        const before = shown.get(one.id);
        const same = before && before[0].get("key") === keyOf(one, dark);
        const layers = same ? before : layersOf(one, dark);
        if (!same) {
          drop(before);
          for (const layer of layers) {
            layer.set("key", keyOf(one, dark));
            if (one.pattern) hatch(layer, one.pattern);
            clip(layer);
            map.addLayer(layer);
          }
        }
        for (const layer of layers) {
          layer.setVisible(one.visible ?? true);
          layer.setOpacity(one.opacity ?? 1);
        }
        kept.set(one.id, layers);
      }
      for (const [id, layers] of shown) if (!kept.has(id)) drop(layers);
      shown = kept;
      const sided = [...shown.values()].some(([l]) => l.get("given").side && l.getVisible());
      swipe.hidden = !sided || current.swipe == null || current.swipe < 0;
    },
    look(changes) {
      // visibility and opacity of one layer, at once
      for (const layer of shown.get(changes.id) ?? []) {
        if ("visible" in changes) layer.setVisible(changes.visible);
        if ("opacity" in changes) layer.setOpacity(changes.opacity);
      }
    },
    view(given) {
      if (!given || given.lon == null) return;
      current.view = given;
      moving = true;
      view.setCenter(fromLonLat([given.lon, given.lat]));
      view.setZoom(given.zoom);
    },
    fit(extent) {
      if (!extent?.length) return;
      const box = transformExtent(extent, "EPSG:4326", "EPSG:3857");
      view.fit(fromExtent(box), { padding: [24, 24, 24, 24], size: map.getSize(), maxZoom: 15 });
    },
    swipe(fraction) {
      if (fraction != null && fraction >= 0) place(fraction, false);
      else current.swipe = -1;
      set.layers(current.layers);
    },
    mode: setMode,
    drawn(geometry) {
      if (JSON.stringify(geometry) === JSON.stringify(drawnNow())) return;
      sketch.clear();
      if (geometry?.type) sketch.addFeature(new Feature(geojson.readGeometry(geometry)));
    },
    legend(keys) {
      host.querySelector(".rs-legend")?.remove();
      if (!keys?.length) return;
      const list = document.createElement("ul");
      list.className = "rs-legend";
      for (const { colour, label, pattern } of keys) {
        const line = document.createElement("li");
        const patch = document.createElement("span");
        patch.className = pattern ? `rs-patch rs-${pattern}` : "rs-patch";
        if (!pattern) patch.style.background = colour;
        line.append(patch, label);
        list.append(line);
      }
      host.append(list);
    },
    graticule: (on) => graticule.setVisible(on ?? true),
    theme(theme) {
      host.dataset.theme = theme;
      ground.forEach((layer) => map.removeLayer(layer));
      ground = basemapLayers(theme === "dark");
      ground.forEach((layer) => map.addLayer(layer));
      if (current.layers) set.layers(current.layers);
    },
    words() {
      target.setAttribute("aria-label", words("map"));
      slider.setAttribute("aria-label", words("swipe"));
      swipe.querySelector(".rs-left").textContent = words("before");
      swipe.querySelector(".rs-right").textContent = words("after");
      map.getControls().clear();
      map.addControl(new Zoom({ zoomInTipLabel: words("in"), zoomOutTipLabel: words("out"), duration: still() ? 0 : 200 }));
      map.addControl(new ScaleLine({ target: host.querySelector(".ol-overlaycontainer-stopevent") ?? undefined }));
      for (const button of target.querySelectorAll(".ol-zoom button"))
        button.setAttribute("aria-label", button.title);
      host.querySelector(".rs-note")?.remove();
      const note = document.createElement("p");
      note.className = "rs-note";
      note.dir = "auto";
      note.textContent = words("note");
      host.append(note);
    },
  };
  const keyOf = (one, dark) =>
    JSON.stringify([one.image, one.tiles, one.vectors, one.vector_tiles, one.style, one.order, one.side, dark]);

  function update(name, value) {
    current[name] = value;
    set[name]?.(value);
  }
  for (const name of ["words", "theme", "graticule", "swipe", "layers", "legend", "drawn", "mode"])
    update(name, state[name]);

  let placed = false;
  const watcher = new ResizeObserver(() => {
    map.updateSize();
    if (placed || !host.clientWidth) return;
    placed = true;
    if (state.view?.lon != null) set.view(state.view);
    else set.fit(current.fit ?? state.fit);
    host.dataset.ready = "yes";
  });
  watcher.observe(host);
  map.on("rendercomplete", () => (host.dataset.drawn = "yes"));

  return {
    update,
    olMap: map,
    destroy() {
      watcher.disconnect();
      keys.forEach(unByKey);
      map.setTarget(undefined);
    },
  };
}
