// Land and boundaries of the world, in the bundle: Natural Earth by the npm package world-atlas.
import GeoJSON from "ol/format/GeoJSON.js";
import VectorLayer from "ol/layer/Vector.js";
import VectorSource from "ol/source/Vector.js";
import Fill from "ol/style/Fill.js";
import Stroke from "ol/style/Stroke.js";
import Style from "ol/style/Style.js";
import { feature, mesh } from "topojson-client";
import world from "world-atlas/countries-110m.json";

const format = new GeoJSON({ dataProjection: "EPSG:4326", featureProjection: "EPSG:3857" });
const SOUTH = -85.05;

/** Outlines that cross 180 degrees go on beyond it, and those around the pole are closed there. */
function unwrapped(ring) {
  let turn = 0;
  const out = ring.map(([lon, lat], i) => {
    const jump = i ? lon - ring[i - 1][0] : 0;
    if (jump > 180) turn -= 360;
    else if (jump < -180) turn += 360;
    return [lon + turn, Math.max(lat, SOUTH)];
  });
  const [first, last] = [out[0], out.at(-1)];
  if (Math.abs(last[0] - first[0]) > 180) out.push([last[0], SOUTH], [first[0], SOUTH], first);
  return out;
}

function read(shape) {
  const { type, coordinates } = shape.geometry;
  const depth = { Polygon: 1, MultiLineString: 1, MultiPolygon: 2 }[type];
  const each = (part, level) => (level ? part.map((one) => each(one, level - 1)) : unwrapped(part));
  return format.readFeatures({
    type: "Feature",
    properties: {},
    geometry: { type, coordinates: each(coordinates, depth) },
  });
}
let land, borders;

export function basemapLayers(dark) {
  land ??= feature(world, world.objects.land).features.flatMap(read);
  borders ??= read({
    type: "Feature",
    properties: {},
    geometry: mesh(world, world.objects.countries, (a, b) => a !== b),
  });
  const layer = (features, style, zIndex) =>
    new VectorLayer({ source: new VectorSource({ features }), style, zIndex });
  return [
    layer(land, new Style({ fill: new Fill({ color: dark ? "#414f5a" : "#f4f1ea" }) }), -20),
    layer(
      borders,
      new Style({ stroke: new Stroke({ color: dark ? "#8a97a3" : "#b3aa9c", width: 1, lineDash: [6, 3] }) }),
      -10,
    ),
  ];
}
