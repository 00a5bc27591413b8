// Of all players on a page one is heard at a time.
document.addEventListener("play", (event) => {
  if (event.target.paused) return; // said late: it was stopped meanwhile
  for (const other of document.querySelectorAll("audio")) if (other !== event.target) other.pause();
}, true);
