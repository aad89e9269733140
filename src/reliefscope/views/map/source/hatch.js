// The hatches of the sheet (products/sheet/raster.py) on the screen's own grid: the layer's picture is only a mask, so lines stay even at every zoom.
const SIDE = 12;

function tile(kind, ratio) {
  const canvas = document.createElement("canvas");
  canvas.width = canvas.height = SIDE * ratio;
  const ctx = canvas.getContext("2d");
  ctx.scale(ratio, ratio);
  ctx.fillStyle = kind === "dense" ? "rgba(255,255,255,0.85)" : "rgba(255,240,214,0.5)";
  ctx.fillRect(0, 0, SIDE, SIDE);
  ctx.lineCap = "square";
  const line = kind === "dense" ? "#85858a" : "#a86c1c";
  for (const [colour, width] of [["rgba(255,255,255,0.7)", 3], [line, 1.6]]) {
    ctx.strokeStyle = colour;
    ctx.lineWidth = width;
    ctx.beginPath();
    for (const shift of [-SIDE, 0, SIDE]) {
      ctx.moveTo(shift, SIDE);
      ctx.lineTo(shift + SIDE, 0);
      if (kind === "dense") {
        ctx.moveTo(shift, 0);
        ctx.lineTo(shift + SIDE, SIDE);
      }
    }
    ctx.stroke();
  }
  return canvas;
}

export function hatch(layer, kind) {
  layer.on("postrender", (event) => {
    const ctx = event.context;
    ctx.save();
    ctx.setTransform(1, 0, 0, 1, 0, 0);
    ctx.globalCompositeOperation = "source-in";
    ctx.fillStyle = ctx.createPattern(tile(kind, window.devicePixelRatio || 1), "repeat");
    ctx.fillRect(0, 0, ctx.canvas.width, ctx.canvas.height);
    ctx.restore();
  });
}
