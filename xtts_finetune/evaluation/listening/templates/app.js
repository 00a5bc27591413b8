// The screens and the keys.
const $ = (id) => document.getElementById(id);
const SERVED = location.protocol.startsWith("http");
let state = null;
let position = 0; // of the trial on screen, practice first
let shownAt = 0;
let lessonShown = false;
let opened = false; // whether this trial could be answered when last looked at
let startedHere = 0;
let answeredHere = 0;

const all = [...TEST.practice, ...TEST.trials];
const practice = TEST.practice.length;
const player = new Player(showSounds);

function trouble(words) {
  $("trouble").textContent = words;
  $("trouble").hidden = false;
}

function say(words) {
  $("live").textContent = words;
}

function show(screen, focus) {
  for (const id of ["welcome", "trial", "break", "done"]) $(id).hidden = id !== screen;
  scrollTo(0, 0);
  if (focus) $(focus).focus({ preventScroll: true });
}

// Where a sitting ends: the numbers of trials after which there is a break.
const breaks = TEST.sittings.slice(0, -1).map((_, sitting) => TEST.sittings.slice(0, sitting + 1).reduce((sum, size) => sum + size));

function done() {
  return TEST.trials.filter((trial) => trial.trial in state.answers).length;
}

function welcome() {
  player.stop();
  state = store.load();
  player.load({ r: TEST.reference });
  $("begin").hidden = state !== null;
  $("resume").hidden = state === null;
  if (state) {
    const left = TEST.trials.length - done();
    $("resume-text").textContent = left
      ? `Welcome back, ${state.listener}: ${done()} of ${TEST.trials.length} comparisons are done.`
      : `${state.listener} has finished this test.`;
    $("go-on").textContent = left ? "Continue" : "To the ratings";
  }
  show("welcome");
}

function begin(event) {
  event.preventDefault();
  const name = plainName($("listener").value);
  if (!name) {
    $("name-trouble").textContent = "Please give a name, so that your answers are kept apart from others'.";
    $("listener").focus();
    return;
  }
  state = newSession(name);
  save();
  goOn();
}

function save() {
  store.save(state);
  if (!store.works) trouble("This browser cannot keep your answers. Please finish without closing the page, and download them at the end.");
}

function anotherListener() {
  if (state) store.putAside(state);
  $("listener").value = "";
  welcome();
  $("listener").focus();
}

// To the first trial without an answer, a break, or the end.
function goOn() {
  player.stop();
  if (state.practised < practice) return showTrial(state.practised);
  const next = TEST.trials.findIndex((trial) => !(trial.trial in state.answers));
  if (next < 0) return showDone();
  if (breaks.includes(next) && state.rested < next) return showBreak(next);
  return showTrial(practice + next);
}

function showTrial(number) {
  position = number;
  const trial = all[number];
  const isPractice = number < practice;
  lessonShown = false;
  opened = false;
  shownAt = performance.now();
  const words = trial.text || "A recording";
  $("sentence").textContent = words;
  $("sentence").lang = trial.text ? trial.language : "en";
  $("kind").textContent = isPractice ? "For practice; it does not count" : trial.text ? "The sentence" : "A recording of the voice";
  $("where").textContent = isPractice ? `Practice ${number + 1} of ${practice}` : whereText(number - practice);
  $("left").textContent = timeLeft();
  $("bar").max = TEST.trials.length;
  $("bar").value = done();
  $("lesson").hidden = true;
  $("missing").textContent = "";
  $("back").hidden = isPractice || number === practice;
  $("next").textContent = isPractice ? "What was it?" : number === all.length - 1 ? "Finish" : "Next";
  fillForm(isPractice ? null : state.answers[trial.trial]);
  player.load({ r: TEST.reference, a: trial.a, b: trial.b });
  show("trial", "sentence");
  say(`${$("where").textContent}. ${words}`);
}

function whereText(number) {
  const sitting = breaks.filter((end) => end <= number).length + 1;
  const of = TEST.sittings.length > 1 ? ` · sitting ${sitting} of ${TEST.sittings.length}` : "";
  return `Comparison ${number + 1} of ${TEST.trials.length}${of}`;
}

function timeLeft() {
  const left = TEST.trials.length - done();
  // What this listener took so far counts once there is something to go by.
  const each = answeredHere >= 3 ? (performance.now() - startedHere) / 1000 / answeredHere : TEST.seconds_each;
  const minutes = Math.round((left * Math.min(each, 300)) / 60);
  return minutes > 1 ? `about ${minutes} min left` : "about a minute left";
}

// Whether both sounds were heard; an answer given before stays open.
function mayAnswer() {
  return (position >= practice && all[position].trial in state.answers) || (player.heard("a") === 1 && player.heard("b") === 1);
}

function showSounds() {
  if ($("trial").hidden) return;
  for (const side of ["r", "a", "b"]) {
    const playing = player.isPlaying(side);
    const heard = player.heard(side);
    const button = $("play-" + side);
    button.classList.toggle("playing", playing);
    button.classList.toggle("heard", heard === 1);
    const words = playing ? "playing" : heard === 1 ? "heard ✓" : heard > 0.02 ? `${Math.round(heard * 100)} % heard` : side === "r" ? "reference" : "not heard yet";
    if ($("state-" + side).textContent !== words) $("state-" + side).textContent = words;
    $("fill-" + side).style.transform = `scaleX(${player.place(side)})`;
  }
  const may = mayAnswer() && !lessonShown;
  const waiting = ["a", "b"].filter((side) => player.heard(side) < 1).map((side) => side.toUpperCase());
  const gate = mayAnswer() ? "Play them again as often as you like." : `Listen to ${waiting.join(" and ")} to the end; then you can answer.`;
  if ($("gate").textContent !== gate) $("gate").textContent = gate;
  if (may !== opened || form.classList.contains("waiting") === may) {
    if (may && !opened) say("Both are heard. You can answer now.");
    opened = may;
    enableForm(may);
  }
}

function submit(event) {
  event?.preventDefault();
  const trial = all[position];
  if (lessonShown) return goOn();
  if (!mayAnswer()) return complain($("gate").textContent);
  const missing = firstMissing();
  if (missing) {
    missing[1].focus();
    return complain(missing[0]);
  }
  if (position < practice) return showLesson(trial);
  if (!(trial.trial in state.answers)) answeredHere += 1;
  startedHere ||= shownAt;
  // Who comes back to a trial adds to the time that it took.
  const before = state.answers[trial.trial]?.seconds ?? 0;
  state.answers[trial.trial] = readForm(trial.trial, Math.min(before + (performance.now() - shownAt) / 1000, 3600));
  save();
  goOn();
}

function complain(words) {
  $("missing").textContent = words;
  say(words);
}

function showLesson(trial) {
  player.stop();
  state.practised = position + 1;
  save();
  lessonShown = true;
  $("lesson").textContent = trial.lesson;
  $("lesson").hidden = false;
  $("missing").textContent = "";
  $("next").textContent = state.practised < practice ? "Next" : "Begin the test";
  showSounds();
  $("lesson").focus();
}

function back() {
  if (position > practice) showTrial(position - 1);
}

function showBreak(next) {
  state.rested = next;
  save();
  $("break-where").textContent = `Sitting ${breaks.indexOf(next) + 1} of ${TEST.sittings.length} is done`;
  $("break-text").textContent = `${next} of ${TEST.trials.length} comparisons are done, ${timeLeft()}. Ears tire: come back after a rest, now or another day. This browser keeps your place.`;
  show("break", "break-title");
  send();
}

// Where the page was served the answers have gone to whoever asked; there is no file to take in.
if (SERVED) {
  $("take-in").hidden = true;
  $("kept").textContent = "your answers go to the program on this computer that shows it";
}

function showDone() {
  $("done-text").textContent = SERVED
    ? "Your ratings are sent to the one who asked you."
    : "Download your ratings and send the file to the one who asked you for it. Nothing has left this computer so far.";
  show("done", "done-title");
  send();
}

function sent(words) {
  for (const line of document.querySelectorAll(".sent")) line.textContent = words;
}

// Only where the page came from a server of the test, and only to that server.
async function send() {
  sent("");
  if (!SERVED) return;
  try {
    const reply = await fetch("ratings", { method: "POST", headers: { "Content-Type": "application/json" }, body: ratingText(state) });
    const words = (await reply.text()).slice(0, 300);
    sent(reply.ok ? "Your answers have arrived." : `They were not taken: ${words} Please download them instead.`);
  } catch {
    sent("The server does not answer. Please download your answers, or reload the page later.");
  }
}

// Single keys. Where text is typed, or with Ctrl, Alt or Meta, they mean what they always mean.
function onKey(event) {
  if ($("trial").hidden || event.ctrlKey || event.altKey || event.metaKey) return;
  const target = event.target;
  if (target === note) {
    if (event.key === "Escape") $("next").focus();
    return;
  }
  if (event.key === "Enter" && !target.matches("button, summary, a, #shortcuts")) {
    event.preventDefault();
    return submit();
  }
  if (event.key === " " && (target.matches(".sound") || !target.matches("button, input:not([type=range]), a"))) {
    event.preventDefault();
    return player.toggle(target.matches(".sound") ? target.id.slice(-1) : undefined);
  }
  if (!$("shortcuts").checked || event.repeat) return;
  const key = event.key.toLowerCase();
  if (["r", "a", "b"].includes(key)) {
    event.preventDefault();
    return player.play(key);
  }
  if (!/^[0-9x]$/.test(key) || !mayAnswer() || lessonShown) return;
  if (sliders.includes(target)) {
    event.preventDefault();
    setMark(target, key === "x" ? 10 : Number(key));
    return (sliders[sliders.indexOf(target) + 1] ?? $("next")).focus();
  }
  if (/^[1-5]$/.test(key)) {
    event.preventDefault();
    radios[Number(key) - 1].checked = true;
    say(radios[Number(key) - 1].parentElement.textContent.trim().slice(0, -1));
    sliders[0].focus();
  }
}

$("begin").addEventListener("submit", begin);
$("volume").addEventListener("click", () => player.play("r"));
$("go-on").addEventListener("click", goOn);
$("another").addEventListener("click", anotherListener);
$("next-listener").addEventListener("click", anotherListener);
$("continue").addEventListener("click", goOn);
$("back").addEventListener("click", back);
form.addEventListener("submit", submit);
for (const side of ["r", "a", "b"]) $("play-" + side).addEventListener("click", () => player.play(side));
for (const button of document.querySelectorAll("[data-download]")) {
  button.addEventListener("click", () => sent(`Saved as ${download(state)}, where your browser keeps downloads.`));
}
document.addEventListener("keydown", onKey);
document.addEventListener("visibilitychange", () => document.hidden && player.stop());
welcome();
