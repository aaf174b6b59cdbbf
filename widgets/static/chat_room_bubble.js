const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const named = new Intl.ListFormat(undefined, { type: "conjunction" });

const STATUS_WORDS = {
  sent: "✓ sent",
  failed: "not sent yet, still trying",
  delivered: "✓✓ delivered",
  read: "✓✓ read",
};

const HELD_WORDS = { storage_failed: "the server cannot store it yet, still trying" };

/** What stands of an edit: it shows at once, and is marked until the server has it. */
function editWords(message, online) {
  if (message.deleted || !(message.edited || message.pending)) return "";
  if (!message.pending) return "edited";
  return online ? "saving…" : "edited, waits for the network";
}

function statusWords(message, online) {
  if (message.deleted) return message.pending ? (online ? "deleting…" : "deletion waits for the network") : "";
  if (message.error) return `refused: ${message.error}`;
  if (message.held && online) return HELD_WORDS[message.held] ?? `${message.held}, still trying`;
  if (message.status === "pending") return online ? "sending…" : "waits for the network";
  return STATUS_WORDS[message.status] ?? "";
}

/** Who has read it and who has it: what stands in the tooltip of the status, and in the bar. */
function audienceWords({ who }) {
  if (!who) return "";
  const others = who.more ? [`${who.more} more`] : [];
  const words = [];
  if (who.read.length) words.push(`Read by ${named.format(who.delivered.length ? who.read : [...who.read, ...others])}`);
  if (who.delivered.length) words.push(`delivered to ${named.format([...who.delivered, ...others])}`);
  const said = words.join(" · ");
  return said && said[0].toUpperCase() + said.slice(1);
}

/**
 * One message, for as long as it is shown. `update` changes only what differs, so that it keeps its place and its focus.
 * `chat` is what a bubble asks for: see chatRoom in chat_room.js.
 */
function messageRow(chat) {
  const author = h("div", { class: "rt-author" });
  const text = h("div", { class: "rt-text" });
  const time = h("time");
  const edited = h("span", { class: "rt-edited" });
  const status = h("span", { class: "rt-status" });
  const meta = h("div", { class: "rt-meta" }, time);
  const body = h("div", { class: "rt-bubble" }, author, text, meta);
  const more = h("button", { class: "rt-more", type: "button", tabindex: -1, "aria-expanded": "false" }, "⋯");
  const node = h("div", { class: "rt-row", role: "article", tabindex: -1 }, body, more);
  const row = { node, more, update, setCurrent, message: null, close: () => {} };
  let follows, online;
  let isCurrent = false;
  let quote, chips, retry, discard;

  more.addEventListener("click", () => chat.toggleBar(row));

  function update(message, nowFollows, nowOnline) {
    const isNew = message !== row.message;
    if (!isNew && follows === nowFollows && online === nowOnline) return;
    [row.message, follows, online] = [message, nowFollows, nowOnline];
    node.classList.toggle("rt-follows", follows);
    if (isNew) showMessage(message);
    showStatus(message);
  }

  function showMessage(message) {
    const at = clock.format(message.at_ms);
    node.dataset.key = message.key;
    node.classList.toggle("rt-mine", message.mine);
    node.classList.toggle("rt-deleted", message.deleted);
    node.classList.toggle("rt-names-me", Boolean(message.parts?.includes(`@${chat.me()}`)) && !message.mine);
    node.setAttribute("aria-label", `${message.mine ? "You" : message.user}, ${at}`);
    say(author, message.user);
    showText(text, message, chat.me());
    say(time, at);
    time.dateTime = new Date(message.at_ms).toISOString();
    quote = showQuote(chat, quote, message, text);
    chips = showReactions(chat, chips, row, meta, isCurrent);
    more.hidden = message.deleted || message.error !== null;
    more.setAttribute("aria-label", `Actions for the message of ${message.mine ? "yours" : message.user}: ${message.text.slice(0, 40)}`);
    if (message.deleted) row.close();
  }

  function showStatus(message) {
    body.dataset.status = message.status;
    node.classList.toggle("rt-unsaved", message.pending);
    say(edited, editWords(message, online));
    place(edited, edited.textContent, () => time.after(edited));
    say(status, statusWords(message, online));
    meta.setAttribute("aria-live", message.status === "failed" ? "polite" : "off"); // each mark said aloud would be noise
    status.title = audienceWords(message);
    place(status, status.textContent, () => meta.append(status));
    const isUnsent = message.mine && message.offset === null;
    const hasFailed = message.status === "failed";
    retry = button(retry, isUnsent && hasFailed, "Retry", "retry");
    discard = button(discard, isUnsent && (hasFailed || !online), "Discard", "discard");
  }

  function button(known, isWanted, word, type) {
    if (!isWanted && !known) return known;
    const wanted =
      known ?? h("button", { class: "rt-quiet", type: "button", onclick: () => chat.ask(type, { id: row.message.id }) }, word);
    wanted.setAttribute("aria-label", `${word} “${row.message.text.slice(0, 40)}”`);
    const isBefore = type === "retry" && discard?.isConnected;
    place(wanted, isWanted, () => (isBefore ? discard.before(wanted) : meta.append(wanted)));
    return wanted;
  }

  /** Tab goes to what can be done with one message, not with all of them. */
  function setCurrent(is) {
    isCurrent = is;
    for (const each of [more, ...(chips?.children ?? [])]) each.tabIndex = is ? 0 : -1;
  }
  return row;
}

function showText(element, message, me) {
  if (message.deleted) say(element, "Message deleted");
  else if (!message.parts) say(element, message.text);
  else {
    const words = message.parts.map((part, i) => {
      if (i % 2 === 0) return part;
      return h("span", { class: part === `@${me}` ? "rt-mention rt-me" : "rt-mention" }, part);
    });
    element.replaceChildren(...words);
  }
}

/** The message that is answered; a press goes to it. */
function showQuote(chat, quote, { reply, deleted }, text) {
  if (!reply || deleted) {
    quote?.remove();
    return undefined;
  }
  const shown = quote ?? h("button", { class: "rt-quote", type: "button" }, h("b"), h("span"));
  say(shown.firstChild, reply.user ?? "");
  say(shown.lastChild, reply.key ? (reply.deleted ? "Message deleted" : reply.text) : "An earlier message, not loaded");
  shown.disabled = reply.key === null;
  shown.onclick = () => chat.show(reply.key);
  shown.setAttribute("aria-label", reply.key ? `Answers ${reply.user}: ${shown.lastChild.textContent}` : shown.textContent);
  place(shown, true, () => text.before(shown));
  return shown;
}

/** One chip for each emoji: who, how many, and a press adds or takes back one's own. */
function showReactions(chat, chips, row, meta, isCurrent) {
  const { reactions, deleted } = row.message;
  if (deleted || !reactions.length) {
    chips?.remove();
    return undefined;
  }
  const shown = chips ?? h("div", { class: "rt-chips", role: "group", "aria-label": "Reactions" });
  const known = new Map([...shown.children].map((chip) => [chip.dataset.emoji, chip]));
  reactions.forEach((reaction, i) => {
    const chip = known.get(reaction.emoji) ?? reactionChip(chat, row, reaction.emoji);
    known.delete(reaction.emoji);
    const who = named.format(reaction.users);
    say(chip.lastChild, String(reaction.users.length));
    chip.title = who;
    chip.tabIndex = isCurrent ? 0 : -1;
    chip.classList.toggle("rt-pending", reaction.pending);
    chip.setAttribute("aria-pressed", String(reaction.mine));
    chip.setAttribute("aria-label", `${reaction.emoji} ${who}${reaction.pending ? ", sending" : ""}`);
    if (shown.children[i] !== chip) shown.insertBefore(chip, shown.children[i] ?? null);
  });
  for (const gone of known.values()) gone.remove();
  place(shown, true, () => meta.before(shown));
  return shown;
}

function reactionChip(chat, row, emoji) {
  const face = h("span", { class: "rt-emoji" }, emoji);
  const chip = h("button", { class: "rt-reaction", type: "button", "data-emoji": emoji }, face, h("span"));
  chip.addEventListener("click", () => chat.react(row.message, emoji));
  return chip;
}
