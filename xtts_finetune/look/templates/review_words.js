// Which words of one text another one has too: the longest common sequence, case and marks aside.
const plain = (word) => word.toLowerCase().normalize("NFKC").replace(/[^\p{L}\p{N}]+/gu, "");

function marked(text, other) {
  const words = text.split(/\s+/).filter(Boolean);
  const left = words.map(plain), right = other.split(/\s+/).map(plain).filter(Boolean);
  const most = Array.from({ length: left.length + 1 }, () => new Uint16Array(right.length + 1));
  for (let i = left.length - 1; i >= 0; i--)
    for (let j = right.length - 1; j >= 0; j--)
      most[i][j] = left[i] === right[j] ? most[i + 1][j + 1] + 1 : Math.max(most[i + 1][j], most[i][j + 1]);
  const found = [];
  let i = 0, j = 0;
  while (i < left.length) {
    if (j < right.length && left[i] === right[j]) { found.push([words[i], false]); i++; j++; }
    else if (j < right.length && most[i][j + 1] > most[i + 1][j]) j++;
    else { found.push([words[i], left[i] !== ""]); i++; }
  }
  return found;
}
