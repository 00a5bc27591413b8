// What is kept: one listener's session, saved after every answer, and the file that it becomes.
const TEST = JSON.parse(document.getElementById("data").textContent);
// Every page opened from disk shares one store, so the key names the test.
const KEY = "xtts-listening-" + TEST.test;

const store = {
  works: true,
  load() {
    try {
      const state = JSON.parse(localStorage.getItem(KEY));
      return state && state.test === TEST.test && state.answers ? state : null;
    } catch {
      return null;
    }
  },
  save(state) {
    try {
      localStorage.setItem(KEY, JSON.stringify(state));
      store.works = true;
    } catch {
      store.works = false;
    }
  },
  // A session that gives way to another listener's is put aside, never thrown away.
  putAside(state) {
    try {
      localStorage.setItem(KEY + "-" + state.session, JSON.stringify(state));
      localStorage.removeItem(KEY);
    } catch {
      store.works = false;
    }
  },
};

function newSession(listener) {
  const random = crypto.getRandomValues(new Uint8Array(8));
  const session = Array.from(random, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return { test: TEST.test, session, listener, begun: now(), practised: 0, answers: {}, rested: 0 };
}

function now() {
  return new Date().toISOString().slice(0, 19) + "Z";
}

// Half of a surrogate pair is no character, and no UTF-8 file can hold it.
function wholeText(text) {
  return text.replace(/[\uD800-\uDBFF][\uDC00-\uDFFF]|[\uD800-\uDFFF]/g, (match) => (match.length === 2 ? match : ""));
}

// A name on one line. Joiners stay: names in Hindi and Persian are spelled with them.
function plainName(text) {
  return wholeText(text).replace(/\s+/g, " ").replace(/(?![\u200c\u200d])[\p{Cc}\p{Cf}]/gu, "").trim();
}

function rating(state) {
  const answers = TEST.trials.filter((trial) => trial.trial in state.answers).map((trial) => state.answers[trial.trial]);
  return {
    version: TEST.version,
    test: TEST.test,
    form: TEST.form,
    session: state.session,
    listener: state.listener,
    begun: state.begun,
    ended: now(),
    finished: answers.length === TEST.trials.length,
    answers,
    checksum: crc32(sortedJson(answers)),
  };
}

// JSON with sorted keys and no spaces: the same characters that the importer checks.
function sortedJson(value) {
  if (Array.isArray(value)) return "[" + value.map(sortedJson).join(",") + "]";
  if (value && typeof value === "object") {
    const entries = Object.keys(value).sort().map((key) => JSON.stringify(key) + ":" + sortedJson(value[key]));
    return "{" + entries.join(",") + "}";
  }
  return JSON.stringify(value);
}

function crc32(text) {
  let crc = -1;
  for (const byte of new TextEncoder().encode(text)) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ((crc ^ -1) >>> 0).toString(16).padStart(8, "0");
}

function ratingText(state) {
  return JSON.stringify(rating(state), null, 1) + "\n";
}

function download(state) {
  const name = state.listener.normalize("NFKD").replace(/[^A-Za-z0-9]+/g, "-").replace(/^-+|-+$/g, "") || "listener";
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([ratingText(state)], { type: "application/json" }));
  link.download = "listening-" + TEST.test.slice(0, 8) + "-" + name + ".json";
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  return link.download;
}
