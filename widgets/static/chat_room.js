const STATUS_WORDS = {
  pending: "sending…",
  sent: "✓ sent",
  failed: "not sent yet, still trying",
  delivered: "✓✓ delivered",
  read: "✓✓ read",
};
const TYPING_PERIOD_MS = 1000; // the chat client spaces what reaches the network; this spaces what reaches Python
const AT_BOTTOM_PX = 24;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });

/** One message. `update` changes only what differs, so that a bubble keeps its place and its focus. */
function messageBubble(id, discard) {
  const author = h("div", { class: "rt-author" });
  const text = h("div", { class: "rt-text" });
  const time = h("time");
  const status = h("span", { class: "rt-status" });
  const button = h("button", { class: "rt-discard", type: "button", hidden: true, onclick: () => discard(id) }, "Discard");
  const node = h("div", { class: "rt-bubble" }, author, text, h("div", { class: "rt-meta" }, time, status));

  return {
    node,
    update(message, previous) {
      const words = message.error ? `refused: ${message.error}` : STATUS_WORDS[message.status] ?? "";
      node.dataset.status = message.status;
      node.classList.toggle("rt-mine", message.mine);
      node.classList.toggle("rt-follows", previous?.user === message.user);
      say(author, message.user);
      say(text, message.text);
      say(time, clock.format(message.at_ms));
      time.dateTime = new Date(message.at_ms).toISOString();
      say(status, words);
      if (message.status === "failed") node.lastChild.append(button);
      else button.remove();
      button.hidden = false;
      button.setAttribute("aria-label", `Discard “${message.text.slice(0, 40)}”`);
    },
  };
}

/** The message list: it stays at the bottom while the reader is there, and stays put while they read above. */
function messageLog(signal, discard) {
  const bubbles = new Map();
  const aside = h("p", { class: "rt-aside" });
  const empty = h("p", { class: "rt-empty" }, "No messages yet");
  const log = h("div", { class: "rt-log", role: "log", "aria-live": "polite", "aria-label": "Messages", tabindex: "0" });
  const jump = h("button", { class: "rt-jump", type: "button", hidden: true }, "New messages ↓");
  let stuck = true;

  const toBottom = () => {
    log.scrollTop = log.scrollHeight;
  };
  const noteScroll = () => {
    stuck = log.scrollHeight - log.scrollTop - log.clientHeight < AT_BOTTOM_PX;
    if (stuck) jump.hidden = true;
  };
  log.addEventListener("scroll", noteScroll);
  jump.addEventListener("click", () => {
    toBottom();
    log.focus();
  });
  const resized = new ResizeObserver(() => stuck && toBottom());
  resized.observe(log);
  signal.addEventListener("abort", () => resized.disconnect());

  function update({ messages, earlier, gap }) {
    const ids = new Set(messages.map((message) => message.id));
    for (const [id, bubble] of bubbles) {
      if (!ids.has(id)) {
        bubble.node.remove();
        bubbles.delete(id);
      }
    }
    const notes = [earlier && `${earlier} earlier messages not shown`, gap && "some messages are missing here"];
    say(aside, notes.filter(Boolean).join(" · "));
    const nodes = messages.length ? (aside.textContent ? [aside] : []) : [empty];
    let grown = false;
    messages.forEach((message, i) => {
      let bubble = bubbles.get(message.id);
      if (!bubble) {
        bubble = messageBubble(message.id, discard);
        bubbles.set(message.id, bubble);
        grown = true;
        if (message.mine && message.status === "pending") stuck = true;
      }
      bubble.update(message, messages[i - 1]);
      nodes.push(bubble.node);
    });
    nodes.forEach((node, i) => {
      if (log.children[i] !== node) log.insertBefore(node, log.children[i] ?? null);
    });
    while (log.children.length > nodes.length) log.lastChild.remove();
    if (stuck) toBottom();
    else if (grown) jump.hidden = false;
  }

  return { log, jump, update };
}

/** The input: Enter sends, Shift+Enter begins a new line; a refused text comes back. */
function composer(model, notice) {
  let last = "";
  let typingSaidAt = -Infinity;
  const input = h("textarea", { rows: 1, placeholder: "Message", enterkeyhint: "send", autocomplete: "off" });
  const form = h("form", { class: "rt-compose" }, input, h("button", { class: "rt-send", type: "submit" }, "Send"));

  const fit = () => {
    input.style.height = "auto";
    input.style.height = `${input.scrollHeight + 2}px`;
  };
  const sayTyping = (on) => {
    const now = performance.now();
    if (on && now - typingSaidAt < TYPING_PERIOD_MS) return;
    if (!on && typingSaidAt === -Infinity) return;
    typingSaidAt = on ? now : -Infinity;
    model.send({ type: "typing", on });
  };
  const send = () => {
    const text = input.value;
    if (!text.trim()) return;
    last = text;
    notice.hidden = true;
    model.send({ type: "send", text });
    input.value = "";
    typingSaidAt = -Infinity;
    fit();
  };

  input.addEventListener("input", () => {
    fit();
    sayTyping(input.value !== "");
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
    input.focus();
  });

  const giveBack = () => {
    if (!input.value) input.value = last;
    fit();
  };
  return { form, input, giveBack };
}

export default liveWidget(({ model, el, signal, feed }) => {
  const { section, title, subtitle, chip, notice } = frame(el, "chat", "Chat room");
  const { log, jump, update } = messageLog(signal, (id) => model.send({ type: "discard", id }));
  const typing = h("span", { "aria-live": "polite" });
  const { form, input, giveBack } = composer(model, notice);
  section.append(log, h("div", { class: "rt-below" }, typing, jump), form);
  showRefusals(model, notice, giveBack);

  feed.watch((state) => {
    section.setAttribute("aria-label", `Chat room ${state.room}, as ${state.me}`);
    input.setAttribute("aria-label", `Message to ${state.room}, as ${state.me}`);
    say(title, state.title);
    say(subtitle, state.room);
    log.style.height = `${state.height_px}px`;
    showConnection(chip, state.connection, state.waiting);
    say(typing, typingWords(state.typing));
    update(state);
  }, signal);
});

function typingWords(users) {
  if (users.length === 0) return "";
  if (users.length > 3) return `${users.length} people are typing…`;
  const [last, ...others] = [...users].reverse();
  return others.length ? `${others.reverse().join(", ")} and ${last} are typing…` : `${last} is typing…`;
}
