"use strict";
/* One set of axes on a canvas. A line is {name, colour, points: [[step, low, mean, high], ...], dots, thin}. */

const LEFT = 52, RIGHT = 14, TOP = 20, BOTTOM = 22;

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim() || "#888";
}
function resolved(name) {
  // A variable may stand for another one.
  const value = colour(name), inner = /^var\((--[\w-]+)\)$/.exec(value);
  return inner ? colour(inner[1]) : value;
}
function ticks(low, high, wanted) {
  const rough = (high - low) / Math.max(1, wanted), power = Math.pow(10, Math.floor(Math.log10(rough)));
  const step = [1, 2, 2.5, 5, 10].map(k => k * power).find(k => k >= rough) || 10 * power;
  const found = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) found.push(+(i * step).toPrecision(12));
  return found;
}
/* Limits that show the curve rather than one spike: extremes count while they are near; the rest is marked at the edge. */
function limits(lines, marks) {
  const means = [], extremes = [], must = [...marks];
  for (const line of lines) for (const [, low, mean, high] of line.points) {
    if (mean === null) continue;
    (line.must ? must : means).push(mean);
    extremes.push(low, high);
  }
  means.sort((a, b) => a - b);
  const inner = means.slice(Math.floor(means.length * 0.01), Math.max(1, Math.ceil(means.length * 0.99)));
  const all = must.concat(inner);
  if (!all.length) return null;
  let low = all.reduce((a, b) => Math.min(a, b)), high = all.reduce((a, b) => Math.max(a, b));
  const reach = 0.6 * (high - low || Math.abs(high) || 1);
  for (const value of extremes) {
    if (value >= low - reach && value < low) low = value;
    if (value <= high + reach && value > high) high = value;
  }
  const room = (high - low) * 0.07 || Math.abs(high) * 0.1 || 1;
  return [low >= 0 ? Math.max(0, low - room) : low - room, high + room];
}

class Plot {
  constructor(place, said) {
    this.canvas = el("canvas", {"aria-hidden": "true"});
    this.place = place;
    this.said = said;
    this.cursor = null;
    this.data = null;
    place.append(this.canvas);
    new ResizeObserver(() => this.draw()).observe(place);
    place.addEventListener("pointermove", event => this.point(event.clientX - place.getBoundingClientRect().left));
    place.addEventListener("pointerleave", () => { if (document.activeElement !== place) this.move(null); });
    place.addEventListener("keydown", event => this.key(event));
    place.addEventListener("blur", () => this.move(null));
  }
  show(data) { this.data = data; this.draw(); this.say(); }
  steps() {
    const main = this.data.lines.find(line => line.must && line.points.length) || this.data.lines.find(line => line.points.length);
    return main ? main.points.map(point => point[0]) : [];
  }
  point(x) {
    if (!this.data || !this.scale) return;
    const step = this.scale.step(x), all = this.data.lines.flatMap(line => line.points.map(point => point[0]));
    if (all.length) this.move(all.reduce((a, b) => Math.abs(b - step) < Math.abs(a - step) ? b : a));
  }
  key(event) {
    const steps = this.data ? this.steps() : [];
    if (!steps.length) return;
    const at = this.cursor === null ? steps.length - 1 : steps.reduce((best, s, i) => Math.abs(s - this.cursor) < Math.abs(steps[best] - this.cursor) ? i : best, 0);
    const jump = {ArrowLeft: -1, ArrowRight: 1, PageUp: -10, PageDown: 10, Home: -Infinity, End: Infinity}[event.key];
    if (event.key === "Escape") this.move(null);
    else if (jump !== undefined) {
      event.preventDefault();
      this.move(steps[Math.min(steps.length - 1, Math.max(0, this.cursor === null && isFinite(jump) ? at : at + jump))]);
    }
  }
  move(step) {
    if (step === this.cursor) return;
    this.cursor = step;
    this.draw();
    this.say();
  }
  /* What is at the cursor, or newest: for eyes and, as it is a live region while one moves through it, for ears. */
  say() {
    if (!this.data) return;
    const parts = [];
    for (const line of this.data.lines) {
      if (!line.points.length || line.silent) continue;
      const point = this.cursor === null ? line.points[line.points.length - 1] : nearest(line.points, this.cursor);
      if (point) parts.push((line.name ? line.name + " " : "") + short(point[2]) + (point[3] > point[1] ? " (" + short(point[1]) + " to " + short(point[3]) + ")" : ""));
    }
    const where = this.cursor === null ? "" : this.data.where(this.cursor) + ": ";
    this.said.setAttribute("aria-live", this.cursor === null ? "off" : "polite");
    this.said.textContent = where + parts.join(", ");
  }
  draw() {
    const box = this.place.getBoundingClientRect(), ratio = window.devicePixelRatio || 1;
    if (!box.width || !this.data) return;
    const width = Math.round(box.width * ratio), height = Math.round(box.height * ratio);
    if (this.canvas.width !== width || this.canvas.height !== height) { this.canvas.width = width; this.canvas.height = height; }
    const pen = this.canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, box.width, box.height);
    const {lines, bands, marks, end} = this.data;
    const range = limits(lines, marks.map(mark => mark.value));
    pen.font = "12px " + getComputedStyle(document.body).fontFamily;
    if (!range || !end) {
      pen.fillStyle = colour("--muted");
      pen.fillText("nothing yet", LEFT, box.height / 2);
      this.scale = null;
      return;
    }
    const x = step => LEFT + (box.width - LEFT - RIGHT) * step / end;
    const y = value => TOP + (box.height - TOP - BOTTOM) * (range[1] - value) / (range[1] - range[0]);
    this.scale = {step: at => (at - LEFT) * end / (box.width - LEFT - RIGHT)};
    drawGround(pen, box, x, y, range, bands, end);
    pen.save();
    pen.beginPath();
    pen.rect(LEFT, TOP - 6, box.width - LEFT - RIGHT + 6, box.height - TOP - BOTTOM + 8);
    pen.clip();
    for (const mark of marks) {
      pen.setLineDash([6, 5]);
      stroke(pen, [[0, mark.value], [end, mark.value]], x, y, colour("--warm"), 1.4);
      pen.setLineDash([]);
    }
    for (const line of lines) drawLine(pen, line, x, y, range);
    pen.restore();
    for (const ring of this.data.rings || []) drawRing(pen, ring, x, y, end);
    if (this.cursor !== null) this.drawCursor(pen, box, x, y);
  }
  drawCursor(pen, box, x, y) {
    stroke(pen, [[this.cursor, 0], [this.cursor, 1]], x, v => v ? TOP : box.height - BOTTOM, colour("--muted"), 1);
    for (const line of this.data.lines) {
      const point = nearest(line.points, this.cursor);
      if (point && point[2] !== null) disc(pen, x(point[0]), y(point[2]), 4, resolved(line.colour));
    }
  }
}

function nearest(points, step) {
  let low = 0, high = points.length - 1;
  if (high < 0) return null;
  while (low < high) { const middle = (low + high) >> 1; if (points[middle][0] < step) low = middle + 1; else high = middle; }
  return low && Math.abs(points[low - 1][0] - step) < Math.abs(points[low][0] - step) ? points[low - 1] : points[low];
}
function drawGround(pen, box, x, y, range, bands, end) {
  bands.forEach((band, i) => {
    if (i % 2 === 0) { pen.fillStyle = colour("--band"); pen.fillRect(x(band.from), TOP, x(band.to) - x(band.from), box.height - TOP - BOTTOM); }
    pen.fillStyle = colour("--muted");
    pen.textAlign = "center";
    const room = x(band.to) - x(band.from);
    if (pen.measureText(band.name).width < room) pen.fillText(band.name, x((band.from + band.to) / 2), TOP - 7);
  });
  pen.textAlign = "right";
  for (const value of ticks(range[0], range[1], Math.max(2, (box.height - TOP - BOTTOM) / 36))) {
    stroke(pen, [[0, value], [end, value]], x, y, colour("--line"), 1);
    pen.fillStyle = colour("--muted");
    pen.fillText(tickText(value), LEFT - 8, y(value) + 4);
  }
  pen.textAlign = "center";
  for (const step of ticks(0, end, Math.max(2, box.width / 130))) {
    if (step !== Math.round(step)) continue;
    pen.textAlign = step === 0 ? "left" : x(step) > box.width - 40 ? "right" : "center";
    pen.fillText(grouped(step), Math.min(x(step), box.width - 2), box.height - 5);
  }
  pen.textAlign = "left";
}
function tickText(value) {
  const size = Math.abs(value);
  return (size !== 0 && (size < 1e-3 || size >= 1e5) ? value.toExponential() : String(+value.toPrecision(6))).replace("-", "−");
}
function drawLine(pen, line, x, y, range) {
  const ink = resolved(line.colour), runs = [];
  let run = [];
  for (const point of line.points) {
    if (point[2] === null) { if (run.length) runs.push(run); run = []; } else run.push(point);
  }
  if (run.length) runs.push(run);
  for (const part of runs) {
    if (part.some(point => point[3] > point[1])) {
      // The envelope keeps a spike of one step to be seen.
      pen.globalAlpha = 0.35;
      pen.fillStyle = ink;
      pen.beginPath();
      part.forEach((point, i) => i ? pen.lineTo(x(point[0]), y(point[3])) : pen.moveTo(x(point[0]), y(point[3])));
      for (let i = part.length - 1; i >= 0; i--) pen.lineTo(x(part[i][0]), y(part[i][1]));
      pen.closePath();
      pen.fill();
      pen.globalAlpha = 1;
    }
    stroke(pen, part.map(point => [point[0], point[2]]), x, y, ink, line.thin ? 1.4 : 2.3);
    if (part.length === 1 || (!line.thin && line.points.length <= 60)) for (const point of part) disc(pen, x(point[0]), y(point[2]), line.thin ? 1.5 : 3, ink);
    for (const point of part) if (point[3] > range[1]) peak(pen, x(point[0]), ink);
  }
}
/* A value above the drawing. */
function peak(pen, x, ink) {
  pen.fillStyle = ink;
  pen.beginPath();
  pen.moveTo(x, TOP - 4);
  pen.lineTo(x - 4, TOP + 3);
  pen.lineTo(x + 4, TOP + 3);
  pen.fill();
}
function drawRing(pen, ring, x, y, end) {
  pen.strokeStyle = resolved(ring.colour);
  pen.lineWidth = 1.6;
  pen.beginPath();
  pen.arc(x(ring.step), y(ring.value), 6.5, 0, 7);
  pen.stroke();
  pen.font = "600 12px " + getComputedStyle(document.body).fontFamily;
  const late = ring.step > end * 0.85, words = ring.words;
  pen.textAlign = late ? "right" : "left";
  pen.lineWidth = 4;
  pen.strokeStyle = colour("--paper");
  pen.strokeText(words, x(ring.step) + (late ? -9 : 9), y(ring.value) - 9);
  pen.fillStyle = resolved(ring.colour);
  pen.fillText(words, x(ring.step) + (late ? -9 : 9), y(ring.value) - 9);
  pen.textAlign = "left";
  pen.font = "12px " + getComputedStyle(document.body).fontFamily;
}
function stroke(pen, points, x, y, ink, width) {
  pen.strokeStyle = ink;
  pen.lineWidth = width;
  pen.lineJoin = "round";
  pen.beginPath();
  points.forEach(([step, value], i) => i ? pen.lineTo(x(step), y(value)) : pen.moveTo(x(step), y(value)));
  pen.stroke();
}
function disc(pen, x, y, radius, ink) {
  pen.fillStyle = ink;
  pen.beginPath();
  pen.arc(x, y, radius, 0, 7);
  pen.fill();
}
