const TOASTS = 2; // at once; the list has the others

/** Banners of what was just shown: they go by themselves, but not while somebody is at them. */
function noteToasts(ask, signal) {
  const calm = h("div", { class: "rt-toasts-of", "aria-live": "polite" });
  const urgent = h("div", { class: "rt-toasts-of", "aria-live": "assertive" });
  const node = h("div", { class: "rt-toasts" }, urgent, calm);
  const toasts = new Map();
  let shown = null; // the ids that were on the screen last; null: the page has just opened

  signal.addEventListener("abort", () => {
    for (const toast of toasts.values()) toast.stop();
  });

  function close(id) {
    const toast = toasts.get(id);
    if (!toast) return;
    toast.stop();
    toast.node.remove();
    toasts.delete(id);
  }

  function add(note, banner_ms) {
    let timer;
    const wait = () => (timer = setTimeout(() => close(note.id), banner_ms));
    const stop = () => clearTimeout(timer);
    const done = (type) => () => {
      close(note.id);
      ask(type, note.id);
    };
    const words = h("span", { class: "rt-toast-words" }, h("b", {}, note.title), h("span", {}, note.body));
    const press = h("button", { class: "rt-toast-open", type: "button", onclick: done("open") }, portrait(note.title), words);
    const away = { class: "rt-note-act", type: "button", "aria-label": `Dismiss “${note.title.slice(0, 40)}”` };
    const toast = h("div", { class: "rt-toast", "data-priority": note.priority }, press, h("button", { ...away, onclick: done("dismiss") }, "✕"));
    const known = { node: toast, stop, isHeld: false };
    const hold = (is) => {
      known.isHeld = is;
      stop();
      if (!is && toasts.has(note.id)) wait();
    };
    for (const type of ["pointerenter", "focusin"]) toast.addEventListener(type, () => hold(true));
    for (const type of ["pointerleave", "focusout"]) toast.addEventListener(type, () => hold(false));
    (note.priority === "urgent" ? urgent : calm).append(toast); // below the others: what is under a hand stays there
    toasts.set(note.id, known);
    wait();
    const others = [...toasts].filter(([, { isHeld }]) => !isHeld);
    if (toasts.size > TOASTS) close(others[0][0]);
  }

  function update({ items, background, banner_ms }) {
    const now = new Map(items.filter((note) => note.status === "shown").map((note) => [note.id, note]));
    for (const id of [...toasts.keys()]) if (background || !now.has(id)) close(id);
    if (shown && !background) {
      const fresh = [...now.values()].filter((note) => !shown.has(note.id));
      for (const note of fresh.slice(0, TOASTS).reverse()) add(note, banner_ms);
    }
    shown = new Set(now.keys());
  }
  return { node, update };
}
