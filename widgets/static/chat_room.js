export default liveWidget(({ model, el, signal, feed }) => {
  const { section, title, subtitle, chip, notice } = frame(el, "chat", "Chat room");
  const unread = h("span", { class: "rt-unread", hidden: true });
  const strip = h("p", { class: "rt-strip", role: "status", hidden: true });
  const typing = h("span", { class: "rt-typing", "aria-live": "polite" });
  let me = "";
  let draft = null; // the newest edit, which comes back if it is refused

  /** What the parts of a room may ask for: `tell` happens by itself, `ask` is the reader's wish. */
  const chat = {
    me: () => me,
    tell: (type, fields) => model.send({ type, ...fields }),
    ask(type, fields = {}) {
      notice.hidden = true;
      if (type === "edit") draft = fields;
      model.send({ type, ...fields });
    },
    react(message, emoji) {
      const has = message.reactions.some((reaction) => reaction.emoji === emoji && reaction.mine);
      chat.ask("react", { id: message.id, emoji, on: !has });
    },
    show: (key) => view.goTo(key),
    reply: (message) => compose.answer(message),
    toggleBar: (row) => bars.toggle(row),
    keepInView: (node) => view.keepInView(node),
  };
  const view = messageLog(chat, signal);
  const bars = actionBars(chat);
  const compose = composer(chat);
  chip.before(unread);
  section.append(strip, view.log, h("div", { class: "rt-below" }, typing, view.jump), compose.banner, compose.form);

  showRefusals(model, notice, ({ of }) => {
    if (of === "send") compose.giveBack();
    const edited = of === "edit" && [...view.rows.values()].find((row) => row.message.mine && row.message.id === draft?.id);
    if (edited) bars.edit(edited, draft.text);
  });

  feed.watch((state) => {
    me = state.me;
    section.setAttribute("aria-label", `Chat room ${state.room}, as ${state.phone}`);
    compose.input.setAttribute("aria-label", `Message to ${state.room}, as ${state.phone}`);
    say(title, state.title);
    say(subtitle, state.room);
    view.log.style.height = `${state.height_px}px`;
    showConnection(chip, state.connection, state.waiting);
    say(unread, unreadWords(state));
    unread.hidden = !state.unread;
    say(strip, stripWords(state));
    strip.hidden = !strip.textContent;
    say(typing, typingWords(state.typing));
    view.update(state);
  }, signal);
});

function unreadWords({ unread, mentioned }) {
  return mentioned ? `${unread} unread · ${mentioned} for you` : `${unread} unread`;
}

function stripWords({ behind, joined, connection }) {
  if (behind) return `Catching up: ${behind} more to come`;
  return connection === "connected" && !joined ? "Not in this room yet" : "";
}

function typingWords(users) {
  if (users.length === 0) return "";
  if (users.length > 3) return `${users.length} people are typing…`;
  const [last, ...others] = [...users].reverse();
  return others.length ? `${others.reverse().join(", ")} and ${last} are typing…` : `${last} is typing…`;
}
