"use strict";
/* From what the server sends (or what is in this file) to the page. */

const state = {runs: [], curves: {}, chosen: 0, live: true, lost: false};
let comparison = null, dirty = true;

function take(message) {
  state.runs = message.runs;
  for (const [index, curves] of Object.entries(message.curves)) state.curves[index] = {...(state.curves[index] || {}), ...curves};
  state.chosen = Math.min(state.chosen, state.runs.length - 1);
  announce();
  render();
}
function render() {
  dirty = true;
  if (document.hidden) return;  // drawn when somebody looks
  dirty = false;
  const run = state.runs[state.chosen];
  if (!run) return;
  document.title = titleOf(run);
  fill("runs", state.runs.length > 1 ? [state.chosen, state.runs.map(one => [one.name, one.state.kind, one.work, (currentOf(one) || {}).last])] : null, value => value && runCards());
  showRun(run, state.chosen);
  drawCharts(run, state.curves[state.chosen] || {});
  drawComparison();
}
function titleOf(run) {
  const work = run.work && run.work.total ? Math.floor(100 * run.work.done / run.work.total) + " % " + run.work.job : PILL[run.state.kind];
  return work + " · " + run.name;
}
let announced = "";
/* For screen readers: a new evaluation or another state is said once. */
function announce() {
  const run = state.runs[state.chosen], current = run && currentOf(run);
  if (!run) return;
  const words = (current && current.last ? current.name + ", step " + current.last.step + ": mel CE " + number(current.last.mel_ce, 3) + ". " : "") + (run.state.kind === "running" ? "" : run.state.words);
  if (words !== announced && announced !== "") document.getElementById("announced").textContent = words;
  announced = words;
}
function runCards() {
  return el("ul", {class: "runs", "aria-label": "Runs"}, state.runs.map((run, i) => {
    const current = currentOf(run), button = el("button", {type: "button", "aria-pressed": String(i === state.chosen), style: {"--of-run": "var(--run-" + i % 4 + ")"}},
      el("strong", {}, run.name),
      el("span", {}, PILL[run.state.kind] + (run.work && run.work.total ? ", " + run.work.job + " " + Math.floor(100 * run.work.done / run.work.total) + " %" : "")),
      el("span", {}, current && current.last ? "mel CE " + number(current.last.mel_ce, 3) + ", best " + number(current.best && current.best.mel_ce, 3) : "not evaluated yet"));
    button.addEventListener("click", () => { state.chosen = i; render(); document.querySelectorAll(".runs button")[i].focus(); });
    return el("li", {}, button);
  }));
}
function drawComparison() {
  const place = document.getElementById("comparison");
  place.hidden = state.runs.length < 2;
  if (place.hidden) return;
  const chart = {id: "comparison", lines: [["mel_ce", "", EVAL]]};
  const all = state.runs.map((run, i) => ({run, data: chartData(chart, run, state.curves[i] || {}), i}));
  const lines = all.map(({run, data, i}) => ({...data.lines[0], name: run.name, colour: "--run-" + i % 4, points: data.lines[0].points}));
  comparison = comparison || new Plot(document.getElementById("plot-comparison"), document.getElementById("said-comparison"));
  comparison.show({lines, bands: [], marks: [], rings: [], where: step => "step " + grouped(step), end: Math.max(...all.map(one => one.data.end))});
  fill("legend-comparison", state.runs.map(run => run.name), names => names.map((name, i) => el("li", {class: "of-run", style: {"--of-run": "var(--run-" + i % 4 + ")"}}, name)));
}
function begin() {
  makeCharts();
  const held = document.getElementById("data").textContent.trim();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (state.runs.length) render(); });
  document.addEventListener("visibilitychange", () => { if (!document.hidden && dirty) render(); });
  if (held) {
    state.live = false;
    take(JSON.parse(held));
    return;
  }
  const source = new EventSource("events");
  source.onmessage = event => { state.lost = false; take(JSON.parse(event.data)); };
  source.onerror = () => { state.lost = true; if (state.runs.length) render(); };
}
begin();
