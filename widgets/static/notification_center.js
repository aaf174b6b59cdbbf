const OPENED_MS = 10_000;
const KEYS = "Arrow keys go from one to the next, Enter opens it, Delete dismisses it";

export default liveWidget(({ model, el, signal, feed }) => {
  const { section, title, subtitle, chip, notice } = frame(el, "notifications", "Notifications");
  const count = h("span", { class: "rt-badge-count" });
  const badge = h("span", { class: "rt-badge", role: "img" }, bell(), count);
  const strip = h("p", { class: "rt-strip", role: "status", hidden: true });
  const opened = h("p", { class: "rt-opened", role: "status", hidden: true });
  const ask = (type, id) => {
    notice.hidden = true;
    wanted = type === "open" ? null : neighbour(id);
    model.send(id === undefined ? { type } : { type, id });
  };
  const clear = h("button", { class: "rt-quiet", type: "button", onclick: () => ask("clear") }, "Clear all");
  const earlier = h("button", { class: "rt-quiet", type: "button", "aria-expanded": "false" }, "Show");
  const groups = {
    tray: noteGroup("In the system's tray", ask, "tray"),
    items: noteGroup("Open", ask, "open"),
    past: noteGroup("Earlier", ask, "past", earlier),
  };
  const empty = h("p", { class: "rt-all-seen" }, bell(), h("span", {}, "You have seen it all"));
  const list = h("div", { class: "rt-notes-list", role: "group", "aria-description": KEYS });
  const toasts = noteToasts(ask, signal);
  const quiet = quietHours((fields) => {
    notice.hidden = true;
    model.send({ type: "quiet", ...fields });
  });
  let state = null;
  let current = null; // the row that Tab leads to
  let wanted = null; // where the focus goes when its row goes
  let showsPast = false;
  let forgetsOpened;

  chip.before(badge);
  section.append(strip, h("div", { class: "rt-notes-screen" }, list, toasts.node), opened, quiet.node);
  showRefusals(model, notice);
  signal.addEventListener("abort", () => clearTimeout(forgetsOpened));
  earlier.addEventListener("click", () => {
    showsPast = !showsPast;
    show();
  });

  const rows = () => [...groups.tray.rows.values(), ...groups.items.rows.values()].filter((row) => row.node.isConnected);
  const inOrder = () => [...list.querySelectorAll(".rt-note[tabindex]")].map((node) => rows().find((row) => row.node === node));

  /** The id of the one that has the focus after this one is gone. */
  function neighbour(id) {
    if (!list.contains(document.activeElement)) return null;
    const all = inOrder();
    const at = all.findIndex((row) => row.note.id === id);
    return (all[at + 1] ?? all[at - 1])?.note.id ?? null;
  }

  function setCurrent(row) {
    if (row === current) return;
    current?.setCurrent(false);
    current = row ?? null;
    current?.setCurrent(true);
  }
  list.addEventListener("focusin", (event) => {
    const row = rows().find((each) => each.node.contains(event.target));
    if (row) setCurrent(row);
  });
  list.addEventListener("keydown", (event) => {
    if (!event.target.classList.contains("rt-note")) return;
    const all = inOrder();
    const by = { ArrowUp: -1, ArrowDown: 1, Home: -Infinity, End: Infinity }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    const at = Math.min(all.length - 1, Math.max(0, all.indexOf(current) + by));
    all[at].node.focus();
  });

  function show() {
    groups.tray.update(state.tray);
    groups.items.update(state.items, state.more);
    groups.past.update(showsPast ? state.past : []);
    say(groups.past.node.querySelector("h4 span"), String(state.past.length));
    say(earlier, showsPast ? "Hide" : "Show");
    earlier.setAttribute("aria-expanded", String(showsPast));
    const shown = [];
    if (state.tray.length) shown.push(groups.tray.node);
    if (state.items.length) shown.push(groups.items.node);
    const { heading } = state.tray.length ? groups.tray : groups.items; // of all that is open
    if (clear.parentNode !== heading) heading.append(clear);
    if (!shown.length) shown.push(empty);
    if (state.past.length) shown.push(groups.past.node);
    arrange(list, shown);
    if (!current?.node.isConnected || !rows().includes(current)) {
      const next = rows().find((row) => row.note.id === wanted);
      setCurrent(next ?? inOrder()[0]);
      if (next) next.node.focus();
      wanted = null;
    }
  }

  function showOpened(now) {
    if (!now.opened || now.opened === state?.opened || now.opened.id === state?.opened?.id) return;
    if (state === null) return; // it was opened before this page
    say(opened, `Opened “${now.opened.title}”${now.opened.url ? ` → ${now.opened.url}` : ""}`);
    opened.hidden = false;
    clearTimeout(forgetsOpened);
    forgetsOpened = setTimeout(() => (opened.hidden = true), OPENED_MS);
  }

  feed.watch((now) => {
    showOpened(now);
    state = now;
    section.setAttribute("aria-label", `Notifications of ${now.phone}`);
    list.setAttribute("aria-label", "Notifications");
    list.style.maxHeight = `${now.height_px}px`;
    say(title, now.title);
    say(subtitle, "notifications");
    showConnection(chip, now.connection, 0);
    say(count, now.badge > 99 ? "99+" : String(now.badge));
    badge.classList.toggle("rt-badge-none", !now.badge);
    badge.setAttribute("aria-label", `${now.badge} open`);
    section.classList.toggle("rt-in-background", now.background);
    say(strip, stripWords(now));
    strip.hidden = !strip.textContent;
    quiet.update(now);
    show();
    toasts.update(now);
  }, signal);
  asTimePasses(() => {
    show();
    quiet.update(state);
  }, signal);
});

function stripWords({ background, permission, registered, connection }) {
  if (permission === "denied") return "This phone may not notify: its user said no";
  if (background) return "The app is in the background: the system shows what comes by push";
  return connection === "connected" && !registered ? "Pushes do not reach this phone yet" : "";
}
