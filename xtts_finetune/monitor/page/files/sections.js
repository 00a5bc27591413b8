"use strict";
/* The parts of the page beside the curves. */

const PILL = {running: "at work", waiting: "waiting", stalled: "stalled", gone: "cut off", stopped: "stopped", paused: "paused", finished: "done"};

function currentOf(run) {
  return run.candidates.filter(one => one.trained && one.version).pop() || null;
}
function showRun(run, index) {
  const current = currentOf(run);
  fill("state", [state.lost, run.state.kind], ([lost, kind]) => el("span", {class: "state " + (lost ? "lost" : kind)}, lost ? "connection lost, trying again" : PILL[kind]));
  fill("headline", [run.name, run.work && run.work.job, current && current.name, run.state.kind, run.decision], () => headline(run, current));
  fill("work", [run.work, run.state.words, run.decision, current && [current.epoch, current.message]], () => workOf(run, current));
  fill("alarm", run.state.cure ? run.state : null, alarm => alarm && el("div", {class: "alarm", role: "alert"},
    el("p", {}, el("strong", {}, alarm.words.charAt(0).toUpperCase() + alarm.words.slice(1) + ".")), el("p", {}, unbroken(alarm.cure))));
  fill("figures", [current && [current.last, current.best, current.initial], baseOf(run), run.best], () => figures(run, current));
  fill("gauges", run.gauges, list => list.map(gauge));
  fill("warnings", run.warnings.length ? run.warnings : null, list => list && [el("h2", {}, "Worth a look"),
    ...list.map(one => el("div", {class: "warned"}, el("h3", {}, one.title + (one.where ? " (" + one.where + ")" : "")), el("p", {}, sentence(one.found)), el("p", {}, unbroken(one.cure))))]);
  fill("sounds", run.candidates.some(one => one.sounds.length) ? [index, run.candidates.map(one => [one.name, one.sounds])] : null, value => value && sounds(index, run));
  fill("machine", [run.throughput, run.machine], () => machine(run));
  fill("evaluations", run.candidates.some(one => one.evals.length) ? run.candidates.map(one => [one.name, one.evals]) : null, value => value && evaluations(run));
  fill("review", run.review.length ? run.review : null, list => list && review(list));
  fill("notes", run.notes.length ? run.notes : null, list => list && [el("h2", {}, "Messages"), el("ul", {class: "plain"}, list.slice().reverse().map(note => el("li", {}, note)))]);
  fill("folder", run.folder, folder => document.createTextNode(folder));
}
// Words with commands in them: browsers would break a line after an option's hyphen.
function unbroken(words) { return words.split(/(?<= )(--?[A-Za-z][\w-]*)/).map((part, i) => i % 2 ? el("span", {class: "whole"}, part) : part); }
function sentence(words) { return words.charAt(0).toUpperCase() + words.slice(1) + "."; }
function headline(run, current) {
  if (run.state.kind === "finished" && run.decision) return el("span", {class: "verdict"}, run.decision.headline);
  const job = (run.work && run.work.job) || (current && current.name);
  return job ? el("em", {}, job) : document.createTextNode("Waiting");
}
function workOf(run, current) {
  const work = run.work;
  if (!work && run.decision && run.state.kind === "finished") return el("ul", {class: "plain"}, [...run.decision.reasons, run.decision.sure && "How sure? " + run.decision.sure].filter(Boolean).map(one => el("li", {}, one)));
  if (!work) return el("p", {class: "doing"}, sentence(run.state.words));
  const share = work.total ? Math.min(1, work.done / work.total) : null;
  const unit = work.what === "training" ? "step " : "";
  const left = work.seconds_left === null ? "" : "about " + span(work.seconds_left) + " left, unless a stop rule stops it";
  return [el("p", {class: "doing"}, sentence(work.what + (work.total ? ": " + unit + grouped(work.done) + " of " + grouped(work.total) : work.done ? ": " + unit + grouped(work.done) : ""))),
    share === null ? null : el("div", {class: "bar", role: "progressbar", "aria-label": work.job, "aria-valuemin": "0", "aria-valuemax": "100", "aria-valuenow": String(Math.round(100 * share))},
      el("span", {style: {width: (100 * share).toFixed(2) + "%"}})),
    el("p", {class: "ends"}, el("span", {}, share === null ? "" : Math.floor(100 * share) + " %" + (work.what === "training" && current ? ", epoch " + number(current.epoch, 1) : "")), el("span", {}, left))].filter(Boolean);
}
function baseOf(run) { const base = run.candidates.find(one => one.name === "base"); return base && base.last; }
function figure(title, value, lines, kind) {
  return el("div", {class: kind}, el("dt", {}, title), el("dd", {class: "value"}, value), lines.filter(Boolean).map(line => el("dd", {class: "from"}, line)));
}
function figures(run, current) {
  const last = current ? current.last : baseOf(run), best = run.best, seen = current && best && best.name === current.name;
  const same = seen && last && best.evaluation.step === last.step;
  const words = best && (best.ships ? "chosen: " + best.name : "best so far, " + (seen ? "step " + grouped(best.evaluation.step) : best.name));
  return [["mel CE", "mel_ce", 3], ["text CE", "text_ce", 4], ["stop CE", "stop_ce", 3]].map(([title, key, digits]) => {
    if (!last) return figure(title, "–", ["not evaluated yet"]);
    const start = current && current.initial;
    const shown = figure(title + ", " + (current ? "step " + grouped(last.step) + (best && !seen ? " of " + current.name : "") : "the base"), number(last[key], digits), [
      start && last.step !== start.step ? change({value: start[key]}, last[key]) + " compared with the start's " + number(start[key], digits) : null,
      same ? (best.ships ? "this step is chosen" : "the best step so far, by mel CE") : null]);
    if (!best || same || !(current || best.ships)) return shown;
    shown.className = "two";
    shown.append(el("dt", {class: "best-model"}, words), el("dd", {class: "value best-model"}, number(best.evaluation[key], digits)));
    return shown;
  });
}
function gauge(one) {
  const bound = one.name === "improvement" ? "least " + one.limit + ", target above " + one.target : "limit " + one.limit + (one.target === one.limit ? "" : ", target below " + one.target);
  const words = {"too early": "too early to tell", good: "on target; " + bound, fair: bound, warning: bound}[one.state];
  return figure(one.words.charAt(0).toUpperCase() + one.words.slice(1), number(one.value, 3), [words], one.state.replace(" ", "-"));
}
function machine(run) {
  const speed = run.throughput, m = run.machine;
  return [
    figure("Speed of the last steps", speed ? number(speed.clips_a_second, speed.clips_a_second < 10 ? 2 : 1) + " clips/s" : "–", [speed ? number(speed.seconds_a_step, 2) + " s a step, " + number(100 * speed.loading_share, 0) + " % of it loading" : "nothing trained yet"]),
    figure("Memory of this machine", m.memory_used === null ? "–" : bytes(m.memory_used), ["of " + bytes(m.memory_total), m.process_memory === null ? null : bytes(m.process_memory) + " by the run itself"]),
    figure("Free on the run's disk", bytes(m.disk_free), ["of " + bytes(m.disk_total)])];
}
function table(caption, heads, rows) {
  return el("div", {class: "cards"}, el("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": caption}, el("table", {role: "table"},
    el("caption", {class: "unseen"}, caption),
    el("thead", {role: "rowgroup"}, el("tr", {role: "row"}, heads.map(head => el("th", {scope: "col", role: "columnheader"}, head)))),
    el("tbody", {role: "rowgroup"}, rows.map(cells => el("tr", {role: "row"}, cells.map((cell, i) => i ? el("td", {role: "cell", "data-label": heads[i]}, cell) : el("th", {scope: "row", role: "rowheader"}, cell))))))));
}
function review(list) {
  return [el("h2", {}, "Unusual settings"), el("p", {class: "quiet"}, "Unusual is not wrong. This is what is usual for this base and this many clips, and why."),
    table("Unusual values", ["Value", "Usual", "Why", "Phases"], list.map(one => [one.key + ": " + one.value, one.usual, sentence(one.why), one.phase]))];
}
function evaluations(run) {
  const rows = run.candidates.flatMap(one => one.evals.map(e => [one, e])).reverse();
  return el("details", {}, el("summary", {}, "All evaluations as a table ", el("span", {class: "quiet"}, "the newest first")),
    el("div", {class: "scroll tight", tabindex: "0", role: "region", "aria-label": "Evaluations"}, el("table", {},
      el("thead", {}, el("tr", {}, ["", "step", "mel CE", "text CE", "stop CE", "training mel CE"].map((head, i) => el("th", {scope: "col", class: i ? "n" : null}, head)))),
      el("tbody", {}, rows.map(([one, e]) => el("tr", {}, el("th", {scope: "row"}, one.name), el("td", {class: "n"}, grouped(e.step)),
        [[e.mel_ce, 3], [e.text_ce, 4], [e.stop_ce, 3], [e.train_mel_ce, 3]].map(([v, d]) => el("td", {class: "n"}, number(v, d)))))))));
}
function sounds(index, run) {
  const with_ = run.candidates.filter(one => one.sounds.length);
  return [el("h2", {}, "Samples so far"), ...with_.map((one, i) => el("details", {open: i === with_.length - 1},
    el("summary", {}, one.name + " ", el("span", {class: "quiet"}, one.sounds.length + (one.sounds[0].step === null ? "" : ", spoken at step " + grouped(one.sounds[0].step)))),
    el("ul", {class: "sounds"}, one.sounds.map(sound => el("li", {}, el("p", {}, sound.text || sound.id), player(index, sound), sound.faults.map(fault => el("p", {class: "fault", title: fault.detail || null}, fault.words, fault.detail ? el("span", {class: "unseen"}, ": " + fault.detail) : null)))))))];
}
function player(index, sound) {
  const source = sound.data || (state.live ? "sound/" + index + "/" + sound.file.split("/").map(encodeURIComponent).join("/") : null);
  return source ? el("audio", {controls: true, preload: "none", src: source, "aria-label": sound.text || sound.id}) : el("p", {class: "quiet small"}, "its sound is not in this file");
}
