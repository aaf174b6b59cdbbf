/** Makes an element. Children are elements or text, never markup; `on…` attributes are listeners. */
function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children);
  return element;
}

/** Sets a text only where it differs, so that screen readers announce changes and nothing else. */
function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Has an element in the page or not, without moving it if it is there. */
function place(element, isWanted, insert) {
  if (!isWanted) element.remove();
  else if (!element.parentNode) insert();
}

/** Has exactly these children, moving only what stands elsewhere. */
function arrange(parent, nodes) {
  let at = parent.firstChild;
  for (const node of nodes) {
    if (node === at) at = at.nextSibling;
    else parent.insertBefore(node, at);
  }
  while (at) {
    const next = at.nextSibling;
    at.remove();
    at = next;
  }
}

/** The frame of every widget: a titled section whose keys do not reach JupyterLab's shortcuts. */
function frame(el, kind, label) {
  el.classList.add("rt-host");
  const title = h("strong", { class: "rt-title" });
  const subtitle = h("span", { class: "rt-subtitle" });
  const chip = h("span", { class: "rt-chip", role: "status" });
  const notice = h("p", { class: "rt-notice", role: "alert", hidden: true });
  const header = h("header", { class: "rt-header" }, title, subtitle, chip);
  const section = h(
    "section",
    { class: `rt rt-${kind}`, "aria-label": label, "data-lm-suppress-shortcuts": "true" },
    header,
    notice,
  );
  for (const type of ["keydown", "keypress", "keyup"]) {
    section.addEventListener(type, (event) => event.stopPropagation());
  }
  el.replaceChildren(section);
  return { section, header, title, subtitle, chip, notice };
}

/** Shows what Python refused to do, in `notice`, until the next successful intent. */
function showRefusals(model, notice, refused = () => {}) {
  model.on("msg:custom", (message) => {
    if (message.type !== "refused") return;
    say(notice, message.text);
    notice.hidden = false;
    refused(message);
  });
}

const CONNECTION_WORDS = {
  connected: "Connected",
  connecting: "Connecting…",
  reconnecting: "Reconnecting…",
  offline: "Offline",
  background: "In background",
  suspended: "Paused",
  disconnected: "Disconnected",
};

/** Says the state of the connection in words; the colour of the dot only repeats it. */
function showConnection(chip, state, waiting) {
  chip.dataset.state = state;
  const words = CONNECTION_WORDS[state] ?? state;
  say(chip, waiting && state !== "connected" ? `${words} · ${waiting} waiting` : words);
}
