const AT_BOTTOM_PX = 24;
const AT_TOP_PX = 60;
const HANDS_ON_MS = 1000;
const HUSH_MS = 500;
const OLDER_WORDS = {
  none: "",
  more: "Load older messages",
  loading: "Loading older messages…",
  most: "Older messages are not shown here",
};

/**
 * The message list: it stays at the end while the reader is there, and stays put while they read above.
 * Rows out of sight cost nothing to draw (`content-visibility` in the style sheet).
 */
function messageLog(chat, signal) {
  const rows = new Map();
  const gaps = new Map();
  const empty = h("p", { class: "rt-empty" }, "No messages yet");
  const older = h("button", { class: "rt-older", type: "button", onclick: () => askOlder() });
  const fresh = h("div", { class: "rt-divider rt-fresh", role: "separator" }, h("span"));
  const end = h("div", { class: "rt-end" });
  const list = h("div", { class: "rt-list" }, end);
  const log = h("div", {
    class: "rt-log",
    role: "log",
    "aria-label": "Messages",
    "aria-description": "Arrow keys go from message to message, Tab to what can be done with one",
    tabindex: "0",
  }, list);
  const jump = h("button", { class: "rt-jump", type: "button", hidden: true });
  const eyes = readerEyes(end, chat, signal, () => update(state));
  const current = currentRow(log, list, rows);
  let stuck = true;
  let news = false;
  let top = 0;
  let heights = ""; // when it was last scrolled to the end
  let handsOnAt = -Infinity;
  let askedOlderAt = null; // the first message when older ones were asked for
  let hushed = 0;
  let wanted = null; // key of a message to go to as soon as it is shown
  let state = { messages: [] };

  const toBottom = () => {
    log.scrollTop = log.scrollHeight;
    [top, heights] = [log.scrollTop, heightsNow()];
  };
  const isAtEnd = () => log.scrollHeight - log.scrollTop - log.clientHeight < AT_BOTTOM_PX;
  const setStuck = (is) => {
    if (is !== stuck) chat.tell(is ? "newest" : "hold");
    stuck = is;
    if (is) news = false;
    showJump();
  };
  const showJump = () => {
    jump.hidden = stuck;
    const words = state.unread ? newWords(state.unread) : news ? "New messages" : "To the newest";
    say(jump, `${words} ↓`);
  };
  const askOlder = () => {
    if (state.older !== "more" || askedOlderAt === state.messages[0]?.key) return;
    askedOlderAt = state.messages[0]?.key;
    setStuck(false);
    chat.ask("older");
  };
  const heightsNow = () => `${log.clientHeight} of ${log.scrollHeight}`;
  for (const type of ["wheel", "touchmove", "pointerdown", "keydown"]) {
    log.addEventListener(type, () => (handsOnAt = performance.now()), { passive: true });
  }
  // A scroll that nobody made comes from the layout, another theme say, and takes nobody away from the end.
  log.addEventListener("scroll", () => {
    const upwards = log.scrollTop < top;
    if (stuck && heights !== heightsNow() && performance.now() - handsOnAt > HANDS_ON_MS) return toBottom();
    top = log.scrollTop;
    setStuck(isAtEnd());
    if (upwards && top < AT_TOP_PX) askOlder();
  });
  jump.addEventListener("click", () => {
    toBottom();
    log.focus();
  });
  const resized = new ResizeObserver(() => (stuck ? toBottom() : setStuck(isAtEnd())));
  resized.observe(log);
  resized.observe(list);
  signal.addEventListener("abort", () => resized.disconnect());

  /** What was said before is not read aloud: new messages are, a moment later again. */
  const hush = () => {
    log.setAttribute("aria-live", "off");
    clearTimeout(hushed);
    hushed = setTimeout(() => log.setAttribute("aria-live", "polite"), HUSH_MS);
  };
  signal.addEventListener("abort", () => clearTimeout(hushed));

  /** What is to be in the list, in its order. */
  function nodesOf({ messages, gaps: places }, online) {
    const nodes = [];
    if (state.older !== "none") nodes.push(older);
    if (!messages.length) nodes.push(empty);
    const holes = new Set(places);
    messages.forEach((message, i) => {
      let row = rows.get(message.key);
      if (!row) {
        row = messageRow(chat);
        rows.set(message.key, row);
      }
      const isBreak = holes.has(message.key) || eyes.first === message.key;
      row.update(message, !isBreak && messages[i - 1]?.user === message.user, online);
      if (holes.has(message.key)) nodes.push(gapDivider(message.key));
      if (eyes.first === message.key) nodes.push(fresh);
      nodes.push(row.node);
    });
    if (holes.has(null)) nodes.push(gapDivider(null));
    nodes.push(end);
    return nodes;
  }

  function gapDivider(key) {
    if (!gaps.has(key)) {
      const words = "Messages are missing here: the server no longer has them";
      gaps.set(key, h("div", { class: "rt-divider rt-gap", role: "separator", "aria-label": words }, h("span", {}, words)));
    }
    return gaps.get(key);
  }

  function forget(messages) {
    const keys = new Set(messages.map((message) => message.key));
    for (const [key, row] of rows) {
      if (keys.has(key)) continue;
      row.close();
      row.node.remove();
      rows.delete(key);
    }
  }

  function update(now) {
    const newest = state.messages[state.messages.length - 1]?.key;
    const added = now.messages[now.messages.length - 1];
    const isNew = added && added.key !== newest;
    if (!rows.has(now.messages[0]?.key)) hush();
    if (stuck && heights === heightsNow() && !isAtEnd()) setStuck(false); // they scrolled; its event is still to come
    state = now;
    if (now.messages[0]?.key !== askedOlderAt || now.older !== "more") askedOlderAt = null;
    if (isNew && added.mine && added.status === "pending") {
      eyes.answered();
      setStuck(true);
    }
    eyes.note(now);
    say(fresh.firstChild, eyes.words);
    say(older, OLDER_WORDS[now.older]);
    older.setAttribute("aria-disabled", String(now.older !== "more"));
    const stay = stuck ? null : standing(log, list);
    forget(now.messages);
    arrange(list, nodesOf(now, now.connection === "connected"));
    current.update(now.messages);
    if (stuck) toBottom();
    else stay?.();
    news ||= isNew && !stuck;
    showJump();
    if (rows.has(wanted)) goTo(wanted);
  }

  /** Shows what was opened, even if the list grew beyond what fits. */
  function keepInView(node) {
    node.scrollIntoView({ block: "nearest" });
    setStuck(isAtEnd());
  }

  function goTo(key) {
    const row = rows.get(key);
    wanted = row ? null : key;
    if (!row) return chat.ask("show", { key });
    current.focus(row);
    row.node.scrollIntoView({ block: "center" });
    setStuck(isAtEnd());
    row.node.classList.remove("rt-flash");
    void row.node.offsetWidth; // begins the animation anew
    row.node.classList.add("rt-flash");
  }

  return { log, jump, update, goTo, keepInView, rows };
}

const newWords = (count) => (count === 1 ? "1 new message" : `${count} new messages`);

/** Remembers what is first in sight; returns a function that scrolls so that it is in the same place again. */
function standing(log, list) {
  const top = log.getBoundingClientRect().top;
  const children = list.children;
  let [low, high] = [0, children.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (children[middle].getBoundingClientRect().bottom > top) high = middle;
    else low = middle + 1;
  }
  while (low < children.length - 1 && !children[low].classList.contains("rt-row")) low += 1;
  const first = children[low];
  const was = first.getBoundingClientRect().top;
  const restore = () => {
    if (!first.isConnected) return;
    const moved = first.getBoundingClientRect().top - was;
    if (Math.abs(moved) >= 1) log.scrollTop += moved;
  };
  return restore;
}

/** The row that the arrow keys chose; until then the last one. */
function currentRow(log, list, rows) {
  let current = null;
  let isChosen = false;

  const set = (row) => {
    if (row === current) return;
    current?.setCurrent(false);
    current = row;
    row?.setCurrent(true);
  };
  const focus = (row) => {
    isChosen = true;
    set(row);
    row.node.focus({ preventScroll: true });
  };
  const step = (by) => {
    const all = [...list.querySelectorAll(":scope > .rt-row")];
    const at = all.indexOf(current?.node);
    return rows.get(all[Math.min(all.length - 1, Math.max(0, at + by))]?.dataset.key);
  };
  log.addEventListener("focusin", (event) => {
    const row = rows.get(event.target.closest?.(".rt-row")?.dataset.key);
    if (row) {
      isChosen = true;
      set(row);
    }
  });
  log.addEventListener("keydown", (event) => {
    if (event.target !== log && !event.target.classList.contains("rt-row")) return;
    const onLog = event.target === log;
    const by = { ArrowUp: onLog ? 0 : -1, ArrowDown: onLog ? 0 : 1, Home: -Infinity, End: Infinity }[event.key];
    const row = by === undefined ? null : step(by);
    if (!row) return;
    event.preventDefault();
    focus(row);
    row.node.scrollIntoView({ block: "nearest" });
  });

  return {
    focus,
    update(messages) {
      const last = rows.get(messages[messages.length - 1]?.key) ?? null;
      if (isChosen && current && rows.get(current.message.key) === current) return;
      isChosen = false;
      set(last);
    },
  };
}

/**
 * What the reader has seen: the end of the list, in a page that is looked at. Then the room is marked as read, and what
 * came before that keeps its divider until they answer or look away.
 */
function readerEyes(end, chat, signal, changed) {
  let state = null;
  let isInSight = false;
  let told = 0;
  const eyes = { first: null, words: "", note, answered: () => (eyes.first = null) };
  const looks = () => isInSight && document.visibilityState === "visible" && !state?.away;

  function note(now) {
    if (state?.away && !now.away) told = 0; // in the background nothing was marked
    if (now.unread > (state?.unread ?? 0)) told = 0;
    state = now;
    if (now.unread && (eyes.first || !looks())) {
      eyes.first ??= now.first_unread;
      eyes.words = newWords(now.unread);
    }
    if (!now.messages.some((message) => message.key === eyes.first)) eyes.first = null;
    if (!now.unread && !looks()) eyes.first = null; // they looked away before the server had heard of it
    see();
  }

  function see() {
    if (!state || !looks()) return;
    const last = state.messages.findLast((message) => message.offset !== null);
    if (!last || !state.unread || last.offset <= told) return;
    told = last.offset;
    chat.tell("seen", { up_to: last.offset });
  }

  function looked() {
    if (eyes.first && !looks() && !state.unread) {
      eyes.first = null;
      changed();
    }
    see();
  }

  const observer = new IntersectionObserver((entries) => {
    isInSight = entries[entries.length - 1].isIntersecting;
    looked();
  });
  observer.observe(end);
  document.addEventListener("visibilitychange", looked, { signal });
  signal.addEventListener("abort", () => observer.disconnect());
  return eyes;
}
