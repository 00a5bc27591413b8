// The form of one trial: what is answered, what is still missing, and the marks' sliders.
const form = document.getElementById("answer");
const radios = [...form.querySelectorAll("[name=preference]")];
const sliders = [...form.querySelectorAll("[type=range]")];
const boxes = [...form.querySelectorAll("[type=checkbox]")];
const note = document.getElementById("note");

function setMark(slider, value) {
  const set = value !== null;
  slider.classList.toggle("unset", !set);
  slider.value = set ? value : 5;
  slider.style.setProperty("--part", set ? value * 10 + "%" : "0%");
  slider.nextElementSibling.textContent = set ? String(value) : "–";
  if (set) slider.removeAttribute("aria-valuetext");
  else slider.setAttribute("aria-valuetext", "not set");
}

function isSet(slider) {
  return !slider.classList.contains("unset");
}

function clearForm() {
  for (const radio of radios) radio.checked = false;
  for (const slider of sliders) setMark(slider, null);
  for (const box of boxes) box.checked = false;
  note.value = "";
}

function fillForm(answer) {
  clearForm();
  if (!answer) return;
  for (const radio of radios) radio.checked = Number(radio.value) === answer.preference;
  for (const slider of sliders) setMark(slider, answer.marks[slider.dataset.side][slider.dataset.quality]);
  for (const box of boxes) box.checked = answer.faults[box.dataset.side].includes(box.value);
  note.value = answer.note;
}

function enableForm(enabled) {
  for (const fieldset of form.querySelectorAll("fieldset")) fieldset.disabled = !enabled;
  note.disabled = !enabled;
  form.classList.toggle("waiting", !enabled);
}

// What is not answered yet: the words, and where to go.
function firstMissing() {
  if (!radios.some((radio) => radio.checked)) return ["Say which you like better, or that there is no difference.", radios[2]];
  const slider = sliders.find((each) => !isSet(each));
  return slider ? ["A score is missing: " + slider.getAttribute("aria-label") + ".", slider] : null;
}

function readForm(trial, seconds) {
  const marks = { a: {}, b: {} };
  for (const slider of sliders) marks[slider.dataset.side][slider.dataset.quality] = Number(slider.value);
  const faults = { a: [], b: [] };
  for (const box of boxes) if (box.checked) faults[box.dataset.side].push(box.value);
  const preference = Number(radios.find((radio) => radio.checked).value);
  return { trial, preference, marks, faults, note: wholeText(note.value.trim()), seconds: Math.round(seconds * 10) / 10 };
}

for (const slider of sliders) {
  const take = () => setMark(slider, Number(slider.value));
  slider.addEventListener("input", take);
  // A click where the thumb already is changes nothing, and is a mark all the same.
  slider.addEventListener("click", take);
}
