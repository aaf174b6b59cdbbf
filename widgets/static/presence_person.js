const STATUS_WORDS = {
  online: "Online",
  away: "Away",
  busy: "Busy",
  invisible: "Invisible",
  offline: "Offline",
};

/** The dot of a status: its shape tells as much as its colour does. */
function statusDot() {
  return h("span", { class: "rt-status-dot", "aria-hidden": true });
}

/** How somebody is, in words; of what is old, how they were. */
function personWords({ status, here, last_seen_ms: lastSeen }, isOld) {
  const words = STATUS_WORDS[status] ?? status;
  if (isOld) return `was ${words.toLowerCase()}`;
  if (!here && status === "offline" && lastSeen) return `${words}, last seen ${ago(lastSeen)}`;
  return words;
}

function deviceWords({ user, devices }) {
  if (devices.length === 1 && devices[0].id === user) return devices[0].hidden ? "App in the background" : "";
  return devices.map(({ id, hidden }) => (hidden ? `${id} (in background)` : id)).join(" · ");
}

/** One person, for as long as they are shown. `update` changes only what differs. */
function personRow(user) {
  const dot = statusDot();
  const name = h("span", { class: "rt-person-name" }, user);
  const you = h("span", { class: "rt-you" }, "you");
  const how = h("span", { class: "rt-how" });
  const text = h("div", { class: "rt-person-words" });
  const devices = h("div", { class: "rt-devices" });
  const top = h("div", { class: "rt-person-top" }, name, how);
  const body = h("div", { class: "rt-person-body" }, top);
  const node = h("li", { class: "rt-person" }, h("span", { class: "rt-portrait" }, portrait(user), dot), body);

  function update(person, isOld) {
    node.dataset.status = person.status;
    place(you, person.me, () => name.after(you));
    say(how, personWords(person, isOld));
    how.title = person.last_seen_ms && !person.here ? moment(person.last_seen_ms) : "";
    say(text, person.text ?? "");
    place(text, person.text, () => top.after(text));
    say(devices, deviceWords(person));
    place(devices, devices.textContent, () => body.append(devices));
  }
  return { node, update };
}
