const CHOICES = ["online", "away", "busy", "invisible"];
const MAX_WORDS = 140;
let ownForms = 0; // names of radio buttons must differ between the widgets of a page

function ownWords({ status, chosen }, isOffline) {
  if (isOffline) return chosen === "online" ? "Offline" : `Offline, then ${STATUS_WORDS[chosen].toLowerCase()}`;
  return status === chosen ? STATUS_WORDS[status] : `${STATUS_WORDS[status]}, in the background`;
}

/**
 * One's own status: a line that says it, and the form behind it. `choose(fields)` hands a choice on; call `refused()`
 * if nothing comes of it.
 */
function ownStatus(choose) {
  const dot = statusDot();
  const now = h("span", { class: "rt-own-now" });
  const words = h("span", { class: "rt-own-words" });
  const change = h("span", { class: "rt-own-change", "aria-hidden": true }, "Change");
  const line = h("button", { class: "rt-own-line", type: "button", "aria-expanded": "false" }, dot, now, words, change);
  const name = `rt-status-${(ownForms += 1)}`;
  const radios = new Map(CHOICES.map((status) => [status, h("input", { type: "radio", name, value: status })]));
  const pills = CHOICES.map((status) => {
    return h("label", { class: "rt-pill", "data-status": status }, radios.get(status), statusDot(), STATUS_WORDS[status]);
  });
  const input = h("input", {
    type: "text",
    class: "rt-own-text",
    maxlength: MAX_WORDS,
    placeholder: "What are you up to?",
    "aria-label": "Your own words, for everybody to see",
    autocomplete: "off",
  });
  const save = h("button", { type: "submit" }, "Save");
  const clear = h("button", { class: "rt-quiet", type: "button" }, "Clear");
  const later = h("p", { class: "rt-hint", hidden: true }, "The others will see it when this phone is connected again");
  const form = h(
    "form",
    { class: "rt-own-form", hidden: true },
    h("div", { class: "rt-pills", role: "radiogroup", "aria-label": "Show me as" }, ...pills),
    h("div", { class: "rt-own-row" }, input, save, clear),
    later,
  );
  const node = h("div", { class: "rt-own" }, line, form);
  let own = null;
  let isTouched = false; // what is being written is not overwritten
  let picked = null; // a choice that Python has not answered: it may be busy

  const open = (is, { refocus = false } = {}) => {
    form.hidden = !is;
    line.setAttribute("aria-expanded", String(is));
    isTouched = false;
    if (is) {
      input.value = own?.text ?? "";
      radios.get(picked ?? own?.chosen)?.focus();
    } else if (refocus) line.focus();
  };
  line.addEventListener("click", () => open(form.hidden));
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    event.preventDefault();
    open(false, { refocus: true });
  });
  for (const [status, radio] of radios) {
    radio.addEventListener("change", () => {
      picked = status;
      choose({ status });
    });
  }
  input.addEventListener("input", () => (isTouched = true));
  const tell = (text) => {
    choose({ status: picked ?? own.chosen, text });
    open(false, { refocus: true });
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    tell(input.value.trim());
  });
  clear.addEventListener("click", () => tell(""));

  function check() {
    const radio = radios.get(picked ?? own.chosen);
    if (radio) radio.checked = true;
  }

  function refused() {
    picked = null;
    check();
  }

  function update({ own: state, connection }) {
    const was = own?.chosen;
    own = state;
    const isOffline = connection !== "connected";
    node.dataset.status = isOffline ? "offline" : state.status;
    say(now, ownWords(state, isOffline));
    say(words, state.text ?? "");
    line.setAttribute("aria-label", `Your status: ${now.textContent}${state.text ? `, “${state.text}”` : ""}. Change it`);
    if (picked === state.chosen || was !== state.chosen) picked = null; // another device may have chosen meanwhile
    check();
    if (!isTouched && document.activeElement !== input) input.value = state.text ?? "";
    clear.hidden = !state.text;
    later.hidden = !isOffline;
  }
  return { node, update, refused };
}
