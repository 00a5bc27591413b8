// The report's first players: a key switches from one to another at the same place of the sentence.
class Hear extends Sounds {
  // The same again starts over; another goes on where the one before it is.
  play(side) {
    const before = this.current;
    const share = before && before !== side && !this.sounds[before].ended ? this.place(before) : 0;
    this.start(side, share * this.sounds[side].duration || 0);
  }
}

const hear = new Hear(showHeard);
const switches = [...document.querySelectorAll("[data-switch]")];
const keysWork = document.getElementById("keys-work");

function showHeard() {
  for (const button of switches) button.setAttribute("aria-pressed", String(hear.isPlaying(button.dataset.switch)));
}

for (const sound of document.querySelectorAll("audio[data-key]")) {
  const side = sound.dataset.key;
  hear.sounds[side] = sound;
  // Whoever takes the player's own button is followed as well; a word that comes after the pause is late.
  sound.addEventListener("play", () => { if (!sound.paused) hear.current = side; });
  for (const event of ["play", "pause", "ended"]) sound.addEventListener(event, showHeard);
}
for (const button of switches) button.addEventListener("click", () => hear.play(button.dataset.switch));
// Single keys. With Ctrl, Alt or Meta, and where something is typed or chosen, they mean what they always mean.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || !keysWork || !keysWork.checked) return;
  if (event.target.matches("input:not(#keys-work), textarea, select, [contenteditable]")) return;
  const side = event.key.toLowerCase();
  if (side in hear.sounds) hear.play(side);
  else if (event.key === " " && hear.current && !event.target.matches("button, summary, a, audio, input")) {
    event.preventDefault();
    hear.toggle();
  }
});
