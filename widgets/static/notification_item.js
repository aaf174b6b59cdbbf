const WAIT_WORDS = {
  background: "waits for the app to come back",
  quiet: "waits for the end of the quiet hours",
  turn: "waits for its turn",
};
const PAST_WORDS = {
  read: "read",
  dismissed: "dismissed",
  expired: "expired unseen",
  replaced: "replaced by a newer one",
  "crowded out": "let go, too many waited",
};

/**
 * One notification, for as long as it is shown. `update` changes only what differs, so that it keeps its focus.
 * `ask(type, id)` is what its reader wants; one that is over asks for nothing.
 */
function noteRow(ask, kind) {
  const face = h("span", { class: "rt-note-face" });
  const isOver = kind === "past";
  const open = () => ask("open", row.note.id);
  const title = isOver ? h("span", { class: "rt-note-title" }) : h("button", { class: "rt-note-title", type: "button", tabindex: -1 });
  const urgency = h("span", { class: "rt-urgency" });
  const when = h("time", { class: "rt-note-when" });
  const top = h("div", { class: "rt-note-top" }, title, urgency, when);
  const body = h("div", { class: "rt-note-body" });
  const about = h("div", { class: "rt-note-about" });
  const main = h("div", { class: "rt-note-main" }, top, body, about);
  const node = h("div", { class: "rt-note", role: "article", "data-kind": kind, tabindex: isOver ? null : -1 }, face, main);
  const row = { node, update, setCurrent, note: null };
  const buttons = isOver ? [] : [[title, "Open"]];

  if (!isOver) {
    const act = (mark, words, type) => {
      const press = () => ask(type, row.note.id);
      const button = h("button", { type: "button", class: "rt-note-act", tabindex: -1, title: words, onclick: press }, mark);
      buttons.push([button, words]);
      return button;
    };
    node.append(h("div", { class: "rt-note-acts" }, act("✓", "Mark as read", "read"), act("✕", "Dismiss", "dismiss")));
    main.addEventListener("click", open);
    node.addEventListener("keydown", (event) => {
      if (event.target !== node) return;
      const type = { Enter: "open", Delete: "dismiss", Backspace: "dismiss" }[event.key];
      if (!type) return;
      event.preventDefault();
      ask(type, row.note.id);
    });
  }

  function update(note) {
    if (row.note && JSON.stringify(note) === JSON.stringify(row.note)) return showTime();
    row.note = note;
    node.dataset.id = note.id;
    node.dataset.priority = note.priority;
    node.dataset.status = note.status ?? "tray";
    if (face.dataset.of !== note.title) {
      face.dataset.of = note.title;
      face.replaceChildren(portrait(note.title));
    }
    say(title, note.title);
    say(urgency, { urgent: "Urgent", high: "Important" }[note.priority] ?? "");
    place(urgency, urgency.textContent, () => title.after(urgency));
    say(body, note.body);
    place(body, note.body, () => top.after(body));
    say(about, aboutWords(note));
    place(about, about.textContent, () => (body.isConnected ? body : top).after(about));
    for (const [button, words] of buttons) button.setAttribute("aria-label", `${words} “${note.title.slice(0, 40)}”`);
    showTime();
  }

  function showTime() {
    const { at_ms: at, title: name } = row.note;
    say(when, at ? ago(at) : "");
    when.title = at ? moment(at) : "";
    node.setAttribute("aria-label", [urgency.textContent, name, when.textContent].filter(Boolean).join(", "));
  }

  /** Tab goes to what can be done with one notification, not with all of them. */
  function setCurrent(is) {
    node.tabIndex = is ? 0 : -1;
    for (const [button] of buttons) button.tabIndex = is ? 0 : -1;
  }
  return row;
}

function aboutWords({ room, url, wait, status }) {
  const words = [WAIT_WORDS[wait] ?? PAST_WORDS[status] ?? ""];
  if (url) words.push(`→ ${url}`);
  else if (room) words.push(`#${room}`);
  return words.filter(Boolean).join(" · ");
}

/** A group of notifications under a heading; what is the same row stays in its place. */
function noteGroup(words, ask, kind, ...tools) {
  const count = h("span", {});
  const heading = h("div", { class: "rt-notes-head" }, h("h4", {}, `${words} · `, count), ...tools);
  const list = h("div", { class: "rt-notes", role: "group", "aria-label": words });
  const node = h("div", { class: `rt-notes-group rt-notes-${kind}` }, heading, list);
  const rest = h("p", { class: "rt-empty" });
  const rows = new Map();

  function update(notes, more = 0) {
    say(count, String(notes.length + more));
    const ids = new Set(notes.map((note) => note.id));
    for (const id of rows.keys()) if (!ids.has(id)) rows.delete(id);
    const nodes = notes.map((note) => {
      if (!rows.has(note.id)) rows.set(note.id, noteRow(ask, kind));
      rows.get(note.id).update(note);
      return rows.get(note.id).node;
    });
    say(rest, `and ${more} more`);
    if (more) nodes.push(rest);
    arrange(list, nodes);
  }
  return { node, heading, rows, update };
}
