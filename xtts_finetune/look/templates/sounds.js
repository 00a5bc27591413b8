// A few sounds by their keys, one of them heard at a time.
class Sounds {
  constructor(changed) {
    this.changed = changed;
    this.sounds = {};
    this.current = null;
  }

  stop() {
    for (const sound of Object.values(this.sounds)) sound.pause();
    this.current = null;
  }

  isPlaying(side) {
    return this.current === side && !this.sounds[side].paused && !this.sounds[side].ended;
  }

  // From so many seconds on; what was heard before falls silent.
  start(side, seconds) {
    const sound = this.sounds[side];
    for (const other of Object.values(this.sounds)) if (other !== sound) other.pause();
    this.current = side;
    sound.currentTime = seconds < sound.duration - 0.05 ? seconds : 0;
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

  // How far a sound has come, from 0 to 1.
  place(side) {
    const sound = this.sounds[side];
    return sound && sound.duration > 0 ? sound.currentTime / sound.duration : 0;
  }
}
