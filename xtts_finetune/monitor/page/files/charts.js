"use strict";
/* Which curves there are, and what each is made of. */

const EVAL = {colour: "--accent", must: true}, TRAIN = {colour: "--accent-soft", thin: true};
const CHARTS = [
  {id: "mel_ce", title: "mel CE", unit: "nats", wide: true, base: "mel_ce", best: true,
   lines: [["train_mel_ce", "training", TRAIN], ["mel_ce", "eval", EVAL]]},
  {id: "text_ce", title: "text CE", unit: "0.01 nats", base: "text_ce",
   lines: [["train_text_ce", "training", TRAIN], ["text_ce", "eval", EVAL]]},
  {id: "stop_ce", title: "stop CE", unit: "nats, of the stop token alone", base: "stop_ce", lines: [["stop_ce", "eval", EVAL]]},
  {id: "eval_std", title: "Jumps of the eval loss", unit: "rolling standard deviation, nats", limit: "eval_std",
   lines: [["eval_std", "", EVAL]]},
  {id: "gap", title: "Gap", unit: "eval above training mel CE, nats", limit: "gap", lines: [["gap", "", EVAL]]},
  {id: "learning_rate", title: "Learning rate", unit: "", lines: [["learning_rate", "", {...EVAL, thin: true}]]},
  {id: "grad_norm", title: "Gradient norm", unit: "dashed: its clip", clip: true,
   lines: [["grad_norm", "", {colour: "--accent", thin: true}]]},
  {id: "seconds", title: "Seconds a step", unit: "", lines: [["seconds", "", {colour: "--accent", thin: true}]]},
];
const plots = {};

function makeCharts() {
  const place = document.getElementById("curves");
  for (const chart of CHARTS) place.append(makeChart(chart));
}
function makeChart(chart) {
  const said = el("output", {id: "said-" + chart.id});
  const plot = el("div", {class: "plot", tabindex: "0", role: "group", "aria-roledescription": "curve",
    "aria-label": chart.title + (chart.unit ? ", " + chart.unit : "") + ". Arrow keys move along it.", "aria-describedby": "said-" + chart.id});
  const table = el("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": "Numbers of " + chart.title});
  const numbers = el("details", {}, el("summary", {}, "Numbers of this curve"), table);
  numbers.addEventListener("toggle", () => { if (numbers.open) fillTable(chart, table); });
  plots[chart.id] = {plot: new Plot(plot, said), table, numbers};
  return el("div", {class: "curve" + (chart.wide ? " wide" : "")},
    el("header", {}, el("h3", {}, chart.title, chart.unit ? el("span", {class: "quiet small", style: {"font-weight": "400"}}, "  " + chart.unit) : null), said),
    plot, numbers);
}

/* The phases one after the other: each begins where the one before it ended. */
function laidOut(run) {
  let start = 0;
  return run.candidates.filter(one => one.trained && one.version && one.step > 0).map(one => {
    const part = {one, from: start, to: start + one.step, name: one.name};
    start = part.to;
    return part;
  });
}
function chartData(chart, run, curves) {
  const bands = laidOut(run), base = run.candidates.find(one => one.name === "base");
  const lines = chart.lines.map(([key, name, look]) => ({...look, name, points: bands.flatMap((band, i) => [
    ...(i ? [[band.from, null, null, null]] : []),  // a phase does not go on from where the curve before it ended
    ...((curves[band.name] || {})[key] || []).map(([step, low, mean, high]) => [band.from + step, low, mean, high])])}));
  for (const line of lines) if (line.points.every(point => point[2] === null)) line.points = [];
  const marks = [];
  if (chart.base && base && base.last && base.last[chart.base] !== null) marks.push({value: base.last[chart.base]});
  const gauge = chart.limit && run.gauges.find(one => one.name === chart.limit);
  if (gauge) marks.push({value: gauge.limit});
  const current = bands[bands.length - 1];
  if (chart.clip && current && current.one.clip !== null) marks.push({value: current.one.clip});
  const rings = chart.best ? bands.filter(band => band.one.best && band.one.best.mel_ce !== null).map(band => (
    {step: band.from + band.one.best.step, value: band.one.best.mel_ce, words: number(band.one.best.mel_ce, 3), colour: "--accent"})) : [];
  const where = step => { const band = bands.find(b => step <= b.to) || current; return band ? band.name + " step " + grouped(step - band.from) : ""; };
  return {lines, bands, marks, rings, where, end: current ? current.to : 0};
}
function fillTable(chart, place) {
  const run = state.runs[state.chosen], data = chartData(chart, run, state.curves[state.chosen] || {});
  const main = data.lines.filter(line => line.points.length), steps = plots[chart.id].plot.data ? plots[chart.id].plot.steps() : [];
  const every = Math.max(1, Math.ceil(steps.length / 100));
  const rows = steps.filter((_, i) => i % every === 0 || i === steps.length - 1).reverse();
  place.replaceChildren(el("table", {},
    el("caption", {class: "unseen"}, chart.title),
    el("thead", {}, el("tr", {}, el("th", {scope: "col"}, "where"), main.map(line => el("th", {scope: "col", class: "n"}, line.name || chart.title)))),
    el("tbody", {}, rows.map(step => el("tr", {}, el("th", {scope: "row"}, data.where(step)),
      main.map(line => el("td", {class: "n"}, short((nearest(line.points, step) || [])[2]))))))));
}
function drawCharts(run, curves) {
  for (const chart of CHARTS) {
    const {plot, table, numbers} = plots[chart.id];
    plot.show(chartData(chart, run, curves));
    if (numbers.open) fillTable(chart, table);
  }
}
