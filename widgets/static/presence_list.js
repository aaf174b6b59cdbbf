const GROUPS = [
  ["here", "In the room", (person) => person.here],
  ["elsewhere", "Elsewhere", (person) => !person.here && person.status !== "offline"],
  ["offline", "Offline", (person) => !person.here && person.status === "offline"],
];

export default liveWidget(({ model, el, signal, feed }) => {
  const { section, title, subtitle, chip, notice } = frame(el, "presence", "People");
  const strip = h("p", { class: "rt-strip", role: "status", hidden: true });
  const own = ownStatus((fields) => {
    notice.hidden = true;
    model.send({ type: "status", ...fields });
  });
  const groups = new Map(GROUPS.map(([name, words]) => [name, peopleGroup(words)]));
  const empty = h("p", { class: "rt-empty" }, "Nobody is here");
  const more = h("p", { class: "rt-empty" });
  const list = h("div", { class: "rt-presence-list", tabindex: "0", role: "group" });
  const news = h("div", { class: "rt-unseen", "aria-live": "polite" });
  const rows = new Map();
  let state = null;

  section.append(own.node, strip, list, news);
  showRefusals(model, notice, own.refused);

  function show() {
    const isOld = !state.synced;
    section.classList.toggle("rt-old", isOld);
    say(strip, oldWords(state));
    strip.hidden = !strip.textContent;
    const people = new Set(state.people.map((person) => person.user));
    for (const user of rows.keys()) if (!people.has(user)) rows.delete(user);
    const shown = [];
    for (const [name, , isIn] of GROUPS) {
      const group = groups.get(name);
      const members = state.people.filter(isIn);
      group.update(members, rows, isOld, name === "here" ? state.more : 0);
      if (members.length) shown.push(group.node);
      if (name === "here" && state.more) {
        say(more, `and ${state.more} more`);
        shown.push(more);
      }
    }
    arrange(list, shown.length ? shown : [empty]);
  }

  feed.watch((now) => {
    say(news, changeWords(state, now));
    state = now;
    section.setAttribute("aria-label", `People in ${now.room}, as ${now.phone}`);
    list.setAttribute("aria-label", `People in ${now.room}`);
    list.style.maxHeight = `${now.height_px}px`;
    say(title, now.title);
    say(subtitle, now.room);
    showConnection(chip, now.connection, 0);
    own.update(now);
    show();
  }, signal);
  asTimePasses(show, signal);
});

function peopleGroup(words) {
  const heading = h("h4", { class: "rt-group" });
  const people = h("ul", { class: "rt-group-members", role: "list" });
  const node = h("div", {}, heading, people);

  function update(members, rows, isOld, more) {
    say(heading, `${words} · ${members.length + more}`);
    people.setAttribute("aria-label", words);
    const nodes = members.map((person) => {
      const row = rows.get(person.user) ?? personRow(person.user);
      rows.set(person.user, row);
      row.update(person, isOld);
      return row.node;
    });
    arrange(people, nodes);
  }
  return { node, update };
}

/** What the list knows without a connection is old, and says since when. */
function oldWords({ synced, as_of_ms: asOf, connection }) {
  if (synced) return "";
  if (asOf === null) return connection === "connected" ? "Asking who is here…" : "Who is here is not known yet";
  return `As of ${moment(asOf)} (${ago(asOf)}): the phone hears nothing of the room`;
}

/** What changed since the last time, for those who hear the page; a crowd is only counted. */
function changeWords(before, now) {
  if (!before?.synced || !now.synced) return "";
  const former = new Map(before.people.map((person) => [person.user, person]));
  const said = [];
  for (const person of now.people) {
    const was = former.get(person.user);
    if (person.me) continue;
    if (person.here && !was?.here) said.push(`${person.user} is here`);
    else if (!person.here && was?.here) said.push(`${person.user} has left`);
    else if (was && was.status !== person.status) said.push(`${person.user} is ${STATUS_WORDS[person.status]?.toLowerCase()}`);
  }
  return said.length > 3 ? `${said.length} people came, went or changed` : said.join(", ");
}
