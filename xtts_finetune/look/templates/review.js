const $ = (name) => document.getElementById(name);
const sound = $("sound"), text = $("text"), canvas = $("wave");
const SPEEDS = [1, 0.75, 0.6], LISTED = 30, LONGEST_THOUGHT = 60_000;
const NAMES = { doubtful: "Doubtful", kept: "Kept", "left out": "Left out" };
let clips = [], current = null, show = "doubtful", undoable = 0, speed = 0, peaks = [], busy = false;
let since = Date.now(), paces = [];

// The worst first among the doubtful ones; the others as they follow each other.
const order = (a, b) => b.reasons.length - a.reasons.length || (a.confidence ?? 0) - (b.confidence ?? 0) || inTime(a, b);
const inTime = (a, b) => Number(a.id.split("-")[0]) - Number(b.id.split("-")[0]) || a.start - b.start;
const waits = (clip) => clip.state === "doubtful";
// Of what is left out, the silence comes last.
const wordsFirst = (a, b) => Number(!a.text) - Number(!b.text) || inTime(a, b);
const ORDERS = { doubtful: order, kept: inTime, "left out": wordsFirst };
const shown = () => clips.filter((clip) => clip.state === show).sort(ORDERS[show]);
const minutes = (seconds) => seconds < 90 ? `${Math.max(5, Math.round(seconds / 5) * 5)} s` : `${Math.round(seconds / 60)} min`;
const clock = (seconds) => `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, "0")}`;

function say(words) { $("said").textContent = words; }

function counter() {
  const left = clips.filter(waits).length, checked = clips.filter((clip) => clip.decided).length;
  const pace = paces.length ? [...paces].sort((a, b) => a - b)[paces.length >> 1] : 6000;
  $("counter").textContent = left
    ? `${checked} of ${checked + left} clips checked, about ${minutes((left * pace) / 1000)} left`
    : `${checked} clips checked`;
  $("done").value = checked / Math.max(1, checked + left);
  for (const button of document.querySelectorAll("[data-show]")) {
    const name = button.dataset.show, count = clips.filter((clip) => clip.state === name).length;
    button.textContent = `${NAMES[name]} ${count}`;
    button.setAttribute("aria-pressed", String(name === show));
  }
  for (const button of document.querySelectorAll('[data-do="undo"]')) button.disabled = !undoable;
}

function list(here) {
  const place = Math.max(0, here.indexOf(current));
  $("list").replaceChildren(...here.slice(Math.max(0, place - 2), place + LISTED).map((clip) => {
    const row = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.className = clip === current ? "now" : "";
    if (clip === current) button.setAttribute("aria-current", "true");
    const words = document.createElement("span"), why = document.createElement("span");
    words.textContent = clip.text || "(no words)";
    words.dir = "auto";
    why.textContent = clip.reasons.map((reason) => reason.split(": ")[0]).join(", ") || (clip.decided ? "kept by you" : "");
    button.append(words, why);
    button.addEventListener("click", () => open(clip));
    row.append(button);
    return row;
  }));
}

function render() {
  counter();
  const here = shown();
  $("clip").hidden = current === null;
  $("finished").hidden = current !== null || show !== "doubtful";
  list(here);
  if (!current) return;
  $("place").textContent = `${Math.max(0, here.indexOf(current)) + 1} of ${here.length}`;
  $("where").textContent = `${current.source} at ${clock(current.start)}, ${current.seconds.toFixed(1)} s${current.speaker ? `, ${current.speaker}` : ""}`;
  $("reasons").replaceChildren(...current.reasons.map((reason) => {
    const item = document.createElement("li");
    item.textContent = reason;
    return item;
  }));
  $("speed").textContent = `${SPEEDS[speed]}×`;
  $("spoken").hidden = !current.spoken;
  $("spoken").textContent = current.spoken ? `Will be spoken as: ${current.spoken}` : "";
  heard();
}

function heard() {
  const other = current.second, same = plain(other) === plain(text.value);
  $("heard").hidden = !other || same;
  $("second").replaceChildren(...marked(other, text.value).flatMap(([word, differs]) => {
    const piece = document.createElement(differs ? "mark" : "span");
    piece.textContent = word;
    return [piece, " "];
  }));
}

async function open(clip, play = true) {
  current = clip;
  peaks = [];
  if (!clip) { sound.removeAttribute("src"); render(); return; }
  text.value = clip.text;
  sound.src = `/sound/${clip.id}`;
  sound.playbackRate = SPEEDS[speed];
  say("");
  render();
  draw();
  if (play) sound.play().catch(() => {});
  fetch(`/peaks/${clip.id}`).then(async (answer) => {
    if (!answer.ok) { if (current === clip) say(await answer.text()); return; }
    const found = await answer.json();
    if (current === clip) { peaks = found; canvas.dataset.peaks = String(found.length); draw(); }
  }).catch(() => {});
}

function draw() {
  const paper = canvas.getContext("2d"), style = getComputedStyle(canvas);
  paper.clearRect(0, 0, canvas.width, canvas.height);
  paper.fillStyle = style.color;
  const most = Math.max(0.05, ...peaks), width = canvas.width / Math.max(1, peaks.length), middle = canvas.height / 2;
  peaks.forEach((peak, place) => {
    const height = Math.max(1, (peak / most) * (middle - 4));
    paper.fillRect(place * width, middle - height, Math.max(1, width - 1), 2 * height);
  });
  if (sound.duration > 0) {
    paper.fillStyle = getComputedStyle(document.body).color;
    paper.fillRect((sound.currentTime / sound.duration) * canvas.width - 1, 0, 3, canvas.height);
  }
  $("playing").textContent = sound.paused ? "Play" : "Pause";
  if (!sound.paused) requestAnimationFrame(draw);
}

// Where to go after a clip that is not in this list any more: the one that took its place.
function following(place) {
  const here = shown();
  return here[Math.min(place, here.length - 1)] ?? null;
}

function waiting(now) {
  busy = now;
  document.body.setAttribute("aria-busy", String(now));
}

async function decide(asked) {
  if (busy) return;
  waiting(true);
  const here = shown(), place = Math.max(0, here.indexOf(current)), before = current;
  const words = new Set(clips.map((clip) => clip.id));
  $("saved").textContent = "saving …";
  try {
    const answer = await fetch("/decide", { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(asked) });
    if (!answer.ok) { $("saved").textContent = ""; say(await answer.text()); return; }
    const changed = await answer.json();
    const gone = new Set([...changed.gone, ...changed.clips.map((clip) => clip.id)]);
    clips = [...clips.filter((clip) => !gone.has(clip.id)), ...changed.clips];
    undoable = changed.undoable;
    $("saved").textContent = "saved";
    paces = [...paces, Math.min(LONGEST_THOUGHT, Date.now() - since)].slice(-20);
    since = Date.now();
    // What a decision made anew, or brought back, is what one wants to hear next.
    const fresh = changed.clips.filter((clip) => clip.state === show && (asked.action === "undo" || !words.has(clip.id))).sort(inTime)[0];
    const same = asked.action === "keep" && show !== "doubtful" ? shown()[place + 1] : undefined;
    text.blur();
    open(fresh ?? same ?? following(place), fresh !== before);
    if (asked.action !== "keep") say({ reject: "Rejected.", split: "Split in two: check both.", merge: "Merged: check the whole.", undo: "Undone." }[asked.action]);
  } catch {
    $("saved").textContent = "";
    say("The command that serves this page has stopped: start it again, and nothing is lost.");
  } finally {
    waiting(false);
  }
}

function move(by) {
  const here = shown(), place = here.indexOf(current) + by;
  if (here[place]) open(here[place]);
}

const actions = {
  play: () => sound.paused ? sound.play().catch(() => {}) : sound.pause(),
  again: () => { sound.currentTime = 0; sound.play().catch(() => {}); },
  slower: () => { speed = (speed + 1) % SPEEDS.length; sound.playbackRate = SPEEDS[speed]; $("speed").textContent = `${SPEEDS[speed]}×`; },
  take: () => { if (current.second) { text.value = current.second; heard(); } },
  keep: () => decide({ action: "keep", id: current.id, text: text.value }),
  reject: () => decide({ action: "reject", id: current.id }),
  split: () => sound.currentTime > 0.1
    ? decide({ action: "split", id: current.id, text: text.value, seconds: sound.currentTime })
    : say("Play the clip to the place where it should be split, and stop there."),
  merge: () => decide({ action: "merge", id: current.id }),
  undo: () => decide({ action: "undo" }),
  next: () => move(1),
  previous: () => move(-1),
  edit: () => { text.focus(); text.setSelectionRange(text.value.length, text.value.length); },
};
const KEYS = { " ": "play", r: "again", "-": "slower", h: "take", k: "keep", x: "reject", s: "split", m: "merge", u: "undo", e: "edit",
  ArrowDown: "next", ArrowUp: "previous", Delete: "reject" };

document.addEventListener("keydown", (event) => {
  if (event.target === text) {
    if (event.key === "Escape") text.blur();
    else if (event.key === "Enter") {
      event.preventDefault();
      if (event.ctrlKey || event.metaKey) decide({ action: "split", id: current.id, text: text.value, caret: text.selectionStart });
      else actions.keep();
    }
    return;
  }
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  // A focused button is pressed by space, as everywhere.
  if (event.key === " " && event.target instanceof HTMLButtonElement) return;
  const name = KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
  if (!name || (!current && name !== "undo")) return;
  event.preventDefault();
  actions[name]();
});
for (const button of document.querySelectorAll("[data-do]")) button.addEventListener("click", () => actions[button.dataset.do]());
for (const button of document.querySelectorAll("[data-show]")) button.addEventListener("click", () => { show = button.dataset.show; open(shown()[0] ?? null, false); });
text.addEventListener("input", () => heard());
canvas.addEventListener("click", (event) => {
  if (sound.duration > 0) sound.currentTime = (event.offsetX / canvas.clientWidth) * sound.duration;
  draw();
});
for (const name of ["play", "pause", "ended", "seeked", "loadedmetadata"]) sound.addEventListener(name, draw);
sound.addEventListener("loadedmetadata", () => { sound.playbackRate = SPEEDS[speed]; });

fetch("/state").then((answer) => answer.json()).then((state) => {
  clips = state.clips;
  undoable = state.undoable;
  waiting(false);
  if (state.lost) say(`${state.lost} of your decisions belong to clips that are no longer there; they stay in review.jsonl.`);
  open(shown()[0] ?? null, false);
}).catch(() => say("The command that serves this page has stopped: start it again."));
