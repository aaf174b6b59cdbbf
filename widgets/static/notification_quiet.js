/** Quiet hours: a line that says them, and the form behind it. `ask(fields)` hands them on. */
function quietHours(ask) {
  const words = h("span", { class: "rt-quiet-words" });
  const change = h("span", { class: "rt-own-change", "aria-hidden": true }, "Change");
  const line = h("button", { class: "rt-quiet-line", type: "button", "aria-expanded": "false" }, moon(), words, change);
  const start = h("input", { type: "time", "aria-label": "Quiet from", required: true });
  const end = h("input", { type: "time", "aria-label": "Quiet until", required: true });
  const set = h("button", { type: "submit" }, "Set");
  const off = h("button", { type: "button" }, "Turn off");
  const hint = h("span", { class: "rt-hint" }, "Urgent ones are shown all the same");
  const form = h(
    "form",
    { class: "rt-quiet-form", hidden: true },
    h("div", { class: "rt-quiet-row" }, h("label", {}, "From ", start), h("label", {}, "until ", end)),
    h("div", { class: "rt-quiet-row" }, hint, set, off),
  );
  const node = h("div", { class: "rt-quiet-hours" }, form, line);
  let quiet = null;

  const open = (is) => {
    form.hidden = !is;
    line.setAttribute("aria-expanded", String(is));
    if (!is) return line.focus();
    start.value = quiet?.start ?? "22:00";
    end.value = quiet?.end ?? "07:00";
    start.focus();
  };
  line.addEventListener("click", () => open(form.hidden));
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    open(false);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    ask({ on: true, start: start.value, end: end.value });
    open(false);
  });
  off.addEventListener("click", () => {
    ask({ on: false });
    open(false);
  });

  function update(state) {
    quiet = state.quiet;
    const isNow = quiet?.until_ms > Date.now();
    node.classList.toggle("rt-quiet-now", isNow);
    off.hidden = !quiet;
    if (!quiet) say(words, "No quiet hours");
    else if (isNow) say(words, `Quiet until ${timeOfDay(quiet.end)}`);
    else say(words, `Quiet from ${timeOfDay(quiet.start)} to ${timeOfDay(quiet.end)}`);
    line.setAttribute("aria-label", `${words.textContent}. Change the quiet hours`);
  }
  return { node, update };
}

/** `HH:MM` as people here write it. */
function timeOfDay(text) {
  const [hours, minutes] = text.split(":").map(Number);
  return hourAndMinute.format(new Date(2000, 0, 1, hours, minutes));
}

function moon() {
  return picture("M12.5 9.6A5 5 0 0 1 6.4 3.5a5 5 0 1 0 6.1 6.1Z");
}

function bell() {
  return picture("M8 2.2a4 4 0 0 0-4 4v2.6L2.8 11h10.4L12 8.8V6.2a4 4 0 0 0-4-4Zm-1.6 10.3a1.6 1.6 0 0 0 3.2 0");
}

function picture(path) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const line = document.createElementNS("http://www.w3.org/2000/svg", "path");
  for (const [name, value] of Object.entries({ viewBox: "0 0 16 16", class: "rt-picture", "aria-hidden": "true" })) svg.setAttribute(name, value);
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}
