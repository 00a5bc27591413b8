// Three sounds, one of them heard at a time. A and B share their place, so that one can be switched to the other.
const ENOUGH_MISSED = 0.15; // seconds that a browser may leave out at an end

class Player {
  constructor(changed) {
    this.changed = changed;
    this.sounds = {};
    this.current = null;
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

  stop() {
    for (const sound of Object.values(this.sounds)) sound.pause();
    this.current = null;
  }

  isPlaying(side) {
    return this.current === side && !this.sounds[side].paused && !this.sounds[side].ended;
  }

  // The same again starts over; the other of A and B goes on at the same place.
  play(side) {
    const sound = this.sounds[side];
    const before = this.current;
    let place = 0;
    if (before && before !== side) {
      const other = this.sounds[before];
      if (this.isPlaying(before) && before !== "r" && side !== "r") place = other.currentTime;
      other.pause();
    }
    this.current = side;
    sound.currentTime = place < sound.duration - 0.05 ? place : 0;
    const started = sound.play();
    if (started) started.catch(() => this.changed());
    this.changed();
  }

  toggle(side = this.current) {
    if (!side) return;
    const sound = this.sounds[side];
    if (this.isPlaying(side)) sound.pause();
    else if (this.current === side && sound.currentTime > 0 && !sound.ended) sound.play().catch(() => this.changed());
    else this.play(side);
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

  place(side) {
    const sound = this.sounds[side];
    return sound && sound.duration > 0 ? sound.currentTime / sound.duration : 0;
  }
}
