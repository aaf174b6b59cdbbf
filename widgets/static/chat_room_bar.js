const EMOJI = [
  ["👍", "thumbs up"],
  ["❤️", "heart"],
  ["😂", "laughing"],
  ["🎉", "hooray"],
  ["😮", "surprised"],
  ["😢", "sad"],
];

/** The bar of a message: what can be done with it. One is open at a time; Escape closes it. */
function actionBars(chat) {
  let open = null;

  function close({ refocus = false } = {}) {
    if (!open) return;
    const { row, bar } = open;
    open = null;
    bar.remove();
    row.node.classList.remove("rt-open", "rt-editing");
    row.more.setAttribute("aria-expanded", "false");
    row.close = () => {};
    if (refocus) row.node.focus({ preventScroll: true });
  }

  function openFor(row, content) {
    close();
    const bar = h("div", { class: "rt-bar" }, ...content);
    bar.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      close({ refocus: true });
    });
    open = { row, bar };
    row.close = close;
    row.node.classList.add("rt-open");
    row.more.setAttribute("aria-expanded", "true");
    row.node.querySelector(".rt-bubble").append(bar);
    chat.keepInView(row.node);
    return bar;
  }

  const done = (act) => () => {
    close({ refocus: true });
    act();
  };

  function menu(row) {
    const { message } = row;
    const mine = new Set(message.reactions.filter((reaction) => reaction.mine).map((reaction) => reaction.emoji));
    const faces = EMOJI.map(([emoji, name]) => {
      const press = done(() => chat.react(row.message, emoji));
      const words = { "aria-label": `React with ${name}`, "aria-pressed": String(mine.has(emoji)), title: name };
      return h("button", { class: "rt-face rt-emoji", type: "button", onclick: press, ...words }, emoji);
    });
    const word = (words, onclick) => h("button", { type: "button", class: "rt-word", onclick }, words);
    const acts = [word("Reply", done(() => chat.reply(row.message)))];
    if (message.mine) {
      acts.push(word("Edit", () => edit(row)));
      acts.push(deleteButton(done(() => chat.ask("delete", { id: row.message.id }))));
    }
    const who = audienceWords(message);
    const isSent = message.offset !== null;
    const content = [
      h("div", { class: "rt-faces", role: "group", "aria-label": "Reactions" }, ...(isSent ? faces : [])),
      h("div", { class: "rt-acts" }, ...acts),
    ];
    if (who) content.push(h("div", { class: "rt-who" }, who));
    openFor(row, content).querySelector("button").focus({ preventScroll: true });
  }

  /** Changes a text in its place: Enter saves, Escape leaves it as it was. */
  function edit(row, draft = row.message.text) {
    if (row.message.deleted) return;
    const { id } = row.message;
    const input = h("textarea", { class: "rt-edit", rows: 1, "aria-label": "New text of the message" });
    input.value = draft;
    const save = () => {
      const text = input.value;
      if (!text.trim()) return;
      close({ refocus: true });
      if (text !== row.message.text) chat.ask("edit", { id, text });
    };
    input.addEventListener("input", () => fitHeight(input));
    input.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      save();
    });
    const buttons = h(
      "div",
      { class: "rt-acts" },
      h("button", { type: "button", class: "rt-word", onclick: save }, "Save"),
      h("button", { type: "button", class: "rt-word", onclick: () => close({ refocus: true }) }, "Cancel"),
    );
    openFor(row, [input, buttons]);
    row.node.classList.add("rt-editing");
    fitHeight(input);
    input.focus({ preventScroll: true });
    chat.keepInView(row.node);
  }

  return { close, edit, toggle: (row) => (open?.row === row ? close({ refocus: true }) : menu(row)) };
}

/** Nothing brings a deleted text back, so it takes two presses. */
function deleteButton(act) {
  const button = h("button", { type: "button", class: "rt-word" }, "Delete");
  const calm = () => {
    say(button, "Delete");
    button.classList.remove("rt-sure");
  };
  button.addEventListener("blur", calm);
  button.addEventListener("click", () => {
    if (button.classList.contains("rt-sure")) return act();
    say(button, "Delete for everybody");
    button.classList.add("rt-sure");
  });
  return button;
}

/** As many lines as the text has; the style sheet bounds it. */
function fitHeight(input) {
  input.style.height = "auto";
  input.style.height = `${input.scrollHeight + 2}px`;
}
