/** A colour for a name, the same everywhere. */
function hue(name) {
  let sum = 0;
  for (const letter of name) sum = (sum * 31 + letter.codePointAt(0)) % 360;
  return sum;
}

function initials(name) {
  const words = name.split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  const letters = words.length > 1 ? [words[0], words[words.length - 1]].map((word) => [...word][0]) : [...(words[0] ?? "?")].slice(0, 2);
  return letters.join("").toUpperCase();
}

/** A disc with the initials of a name, for the eye only. */
function portrait(name) {
  return h("span", { class: "rt-face-of", "aria-hidden": true, style: `--rt-hue: ${hue(name)}` }, initials(name));
}
