const TYPING_PERIOD_MS = 1000; // the chat client spaces what reaches the network; this spaces what reaches Python

/** The input: Enter sends, Shift+Enter begins a new line, Escape gives an answer up; a refused text comes back. */
function composer(chat) {
  let last = null;
  let answered = null;
  let typingSaidAt = -Infinity;
  const input = h("textarea", { rows: 1, placeholder: "Message", enterkeyhint: "send", autocomplete: "off" });
  const quote = h("span", { class: "rt-answered" });
  const drop = h("button", { class: "rt-quiet", type: "button", "aria-label": "Do not answer" }, "✕");
  const banner = h("div", { class: "rt-answering", hidden: true }, quote, drop);
  const form = h("form", { class: "rt-compose" }, input, h("button", { class: "rt-send", type: "submit" }, "Send"));

  const answer = (message) => {
    answered = message;
    banner.hidden = message === null;
    if (message) say(quote, `Reply to ${message.mine ? "yourself" : message.user}: ${message.text.slice(0, 120)}`);
  };
  const sayTyping = (on) => {
    const now = performance.now();
    if (on && now - typingSaidAt < TYPING_PERIOD_MS) return;
    if (!on && typingSaidAt === -Infinity) return;
    typingSaidAt = on ? now : -Infinity;
    chat.tell("typing", { on });
  };
  const send = () => {
    const text = input.value;
    if (!text.trim()) return;
    last = { text, answered };
    chat.ask("send", answered ? { text, reply_to: answered.id } : { text });
    input.value = "";
    typingSaidAt = -Infinity;
    answer(null);
    fitHeight(input);
  };

  input.addEventListener("input", () => {
    fitHeight(input);
    sayTyping(input.value !== "");
  });
  input.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && answered) {
      event.preventDefault();
      answer(null);
    }
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send();
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send();
    input.focus();
  });
  drop.addEventListener("click", () => {
    answer(null);
    input.focus();
  });

  return {
    banner,
    form,
    input,
    answer(message) {
      answer(message);
      input.focus();
    },
    giveBack() {
      if (!last || input.value) return;
      input.value = last.text;
      answer(last.answered);
      fitHeight(input);
    },
  };
}
