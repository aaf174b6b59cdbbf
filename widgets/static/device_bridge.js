const SETTINGS = ". Allow it in the browser's settings for this site, then press again.";
const NOTHING = { visible: null, online: null, battery: null, position: OFF, notifications: OFF, fix: null };
const WHY = {
  asking: "answer the browser's question",
  insecure: "not on this page: browsers keep it to https and localhost",
  missing: "this browser cannot do it",
};

const ago = (ms) => (ms < 60_000 ? `${Math.max(0, Math.round(ms / 1000))} s ago` : `${Math.round(ms / 60_000)} min ago`);
const detailed = (words, { detail }) => (detail ? `${words} (${detail})` : words);

function appWords({ visible }) {
  return visible === null ? "–" : visible ? "in sight" : "out of sight: in the background";
}

function networkWords({ online, carrier, speed }) {
  if (online === null) return "–";
  if (!online) return "offline";
  return ["online", carrier, speed && `as fast as ${speed}`].filter(Boolean).join(", ");
}

function batteryWords({ visible, battery }) {
  if (visible === null) return "–";
  if (!battery) return "not told by this browser";
  return `${Math.round(battery.level * 100)} %${battery.charging ? ", charging" : ""}`;
}

function positionWords({ position, fix }, isMine) {
  const { sense } = position;
  if (sense === "denied") return detailed("denied", position) + (isMine ? SETTINGS : "");
  if (sense === "failed") return `${detailed("none now", position)}; it is tried on`;
  if (sense !== "on") return WHY[sense] ?? "not shared";
  if (!fix) return "shared";
  const [latitude, longitude, accuracy, timestamp] = fix;
  return `${latitude.toFixed(5)}, ${longitude.toFixed(5)} ±${Math.round(accuracy)} m, ${ago(Date.now() - timestamp)}`;
}

function notificationWords({ notifications }, isMine, isAsked) {
  const { sense } = notifications;
  if (sense === "denied") return detailed("denied", notifications) + (isMine ? SETTINGS : "");
  if (sense === "on") return "shown by this system";
  if (sense === "off") return isAsked ? "the app asks: may it notify you?" : "not shown";
  return detailed(WHY[sense] ?? sense, notifications);
}

/** One line of the panel: a name, the state in words, and perhaps a button. */
function row(name, button = null) {
  const words = h("span", { class: "rt-words" });
  const node = h("li", { class: "rt-sense" }, h("span", { class: "rt-name" }, name), words, ...(button ? [button] : []));
  return { node, words, button };
}

/** Who is the phone, in two words. */
function chipWords(isMine, state, phone) {
  if (phone.isLost) return "No kernel";
  if (isMine) return "This page";
  if (!state.page) return "No page";
  return { here: "Another page", asleep: "Asleep" }[state.state] ?? "Silent";
}

function subtitleWords(isMine, state, phone) {
  if (isMine) return "this page is the phone";
  return phone.isLost ? "no phone" : state.reason || "another page is the phone";
}

/** What this page is, in one sentence; its network to the kernel included. */
function sentence(phone, state) {
  if (phone.isOn) {
    if (!phone.lateMs) return "";
    const waiting = phone.waiting ? ` ${phone.waiting} positions wait.` : "";
    return `Python has not answered for ${Math.round(phone.lateMs / 1000)} s. It is told everything once it does.${waiting}`;
  }
  if (phone.isLost) return "The kernel that this panel belonged to has ended. Run its cell again.";
  if (state.page) return "Another page is the phone now. Press the button, and it is this one.";
  return "Press the button, and this page is a phone: Python learns whether it is in sight and online, and of its battery. Position and notifications are asked for one by one.";
}

function deviceView({ model, el, signal, feed, phone }) {
  const { section, title, subtitle, chip, notice } = frame(el, "device", "Device");
  showRefusals(model, notice);
  model.on("msg:custom", (message) => {
    if (message.type !== "heard" || message.page !== phone.page || !message.refused) return;
    say(notice, `Python refused what this page told: ${message.refused}`);
    notice.hidden = false;
  });

  const share = h("button", { type: "button" });
  const allow = h("button", { type: "button" }, "Allow notifications");
  const main = h("button", { type: "button", class: "rt-main" });
  const about = h("p", { class: "rt-about" });
  const rows = {
    app: row("App"),
    network: row("Network"),
    battery: row("Battery"),
    position: row("Position", share),
    notifications: row("Notifications", allow),
  };
  section.append(
    h("ul", { class: "rt-senses" }, ...Object.values(rows).map(({ node }) => node)),
    h("div", { class: "rt-foot" }, about, main),
  );

  main.addEventListener("click", () => {
    notice.hidden = true;
    if (phone.isOn) phone.stop();
    else phone.start();
  });
  const isShared = () => ["on", "failed", "asking"].includes(phone.senses.position.state.sense);
  share.addEventListener("click", () => {
    if (isShared()) phone.senses.position.turnOff();
    else phone.senses.position.ask();
  });
  allow.addEventListener("click", () => phone.senses.notifications.ask());

  let state;
  const draw = () => {
    const mine = phone.isOn;
    const last = phone.lastFix;
    const seen = mine
      ? { ...phone.senses.read(), fix: last && [last.latitude, last.longitude, last.accuracy, last.timestamp] }
      : phone.isLost
        ? NOTHING
        : state.seen;
    section.setAttribute("aria-label", `Device of ${state.title}`);
    section.classList.toggle("rt-asked", mine && state.asked);
    say(title, state.title);
    say(subtitle, subtitleWords(mine, state, phone));
    chip.dataset.state = mine ? (phone.lateMs ? "connecting" : "connected") : "";
    say(chip, chipWords(mine, state, phone));
    say(rows.app.words, appWords(seen));
    say(rows.network.words, networkWords(seen));
    say(rows.battery.words, batteryWords(seen));
    say(rows.position.words, positionWords(seen, mine));
    say(rows.notifications.words, notificationWords(seen, mine, state.asked));
    say(share, isShared() ? "Stop sharing" : "Share position");
    say(main, mine ? "Stop" : "Make this page the phone");
    main.classList.toggle("rt-on", mine);
    main.hidden = phone.isLost;
    share.hidden = !mine;
    allow.hidden = !mine || seen.notifications.sense === "on" || seen.notifications.sense === "asking";
    say(about, sentence(phone, state));
  };
  feed.watch((now) => {
    state = now;
    draw();
  }, signal);
  phone.watch(draw, signal);
  const clock = setInterval(draw, 1000);
  signal.addEventListener("abort", () => clearInterval(clock));
}

export default () => {
  let feed;
  let phone;
  return {
    initialize({ model, signal }) {
      feed = follow(model, signal);
      phone = devicePhone(model, feed, signal);
    },
    render({ model, el, signal }) {
      deviceView({ model, el, signal, feed, phone });
    },
  };
};
