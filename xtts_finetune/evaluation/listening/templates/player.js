// Three sounds. A and B share their place, so that one can be switched to the other.
const ENOUGH_MISSED = 0.15; // seconds that a browser may leave out at an end

class Player extends Sounds {
  constructor(changed) {
    super(changed);
    const tick = () => {
      if (this.current && !this.sounds[this.current].paused) this.changed();
      requestAnimationFrame(tick);
    };
    requestAnimationFrame(tick);
  }

  load(ids) {
    this.stop();
    for (const [side, id] of Object.entries(ids)) {
      const sound = new Audio("data:audio/flac;base64," + TEST.sounds[id]);
      sound.preload = "auto";
      for (const event of ["play", "pause", "ended", "loadedmetadata"]) sound.addEventListener(event, () => this.changed());
      sound.addEventListener("error", () => trouble("This browser cannot play a sound of the test. Please try another browser."));
      this.sounds[side] = sound;
    }
    this.changed();
  }

  // The same again starts over; the other of A and B continues at the same place.
  play(side) {
    const before = this.current;
    const together = before && before !== side && this.isPlaying(before) && before !== "r" && side !== "r";
    this.start(side, together ? this.sounds[before].currentTime : 0);
  }

  // How much of a sound was heard, from 0 to 1, in whichever pieces.
  heard(side) {
    const sound = this.sounds[side];
    if (!sound || !(sound.duration > 0)) return 0;
    let seconds = 0;
    for (let i = 0; i < sound.played.length; i++) seconds += sound.played.end(i) - sound.played.start(i);
    const missed = Math.min(ENOUGH_MISSED, sound.duration * 0.2);
    return seconds >= sound.duration - missed ? 1 : seconds / sound.duration;
  }
}
