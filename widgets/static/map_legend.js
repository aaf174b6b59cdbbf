const KMH_PER_MPS = 3.6;
const FRESH_MS = 45_000;

export default liveWidget(({ model, el, signal, feed }) => {
  const { section, header, title, subtitle, chip, notice } = frame(el, "legend", "People on the map");
  chip.remove();
  const list = h("ul", { class: "rt-people" });
  header.append(list);
  showRefusals(model, notice);
  const people = new Map();

  feed.watch((state) => {
    section.setAttribute("aria-label", `People on the map of ${state.room}`);
    say(title, state.title);
    say(subtitle, state.room);
    const names = new Set(state.people.map((person) => person.name));
    for (const [name, person] of people) {
      if (!names.has(name)) {
        person.node.remove();
        people.delete(name);
      }
    }
    for (const shown of state.people) {
      if (!people.has(shown.name)) {
        const centre = () => model.send({ type: "centre", name: shown.name });
        people.set(shown.name, personButton(shown, centre));
        list.append(people.get(shown.name).node);
      }
      people.get(shown.name).update(shown);
    }
    dressMap(el, state.room, signal);
  }, signal);
  asTimePasses(() => people.forEach((person) => person.say()), signal);
});

function personButton({ name, colour }, centre) {
  const words = h("span", { class: "rt-figures" });
  const dot = h("span", { class: "rt-dot", style: `background: ${colour}`, "aria-hidden": "true" });
  const button = h("button", { type: "button", title: `Centre the map on ${name}`, onclick: centre }, dot, name, words);
  let newest;
  const person = {
    node: h("li", {}, button),
    update(shown) {
      newest = shown;
      person.say();
    },
    say() {
      const { speed_mps, accuracy_m, timestamp_ms } = newest;
      const speed = speed_mps === null ? "" : `${Math.round(speed_mps * KMH_PER_MPS)} km/h, `;
      const motion = Date.now() - timestamp_ms < FRESH_MS ? speed : `${ago(timestamp_ms)}, `;
      say(words, `${motion}±${Math.round(accuracy_m)} m`);
    },
  };
  return person;
}

/** What ipyleaflet has no option for: a name for the map, and its keys kept from JupyterLab's shortcuts. */
function dressMap(el, room, signal) {
  const box = el.closest(".rt-map");
  const leaflet = box?.querySelector(".leaflet-container");
  if (!leaflet) return signal.aborted || requestAnimationFrame(() => dressMap(el, room, signal));
  box.dataset.lmSuppressShortcuts = "true";
  leaflet.setAttribute("role", "region");
  leaflet.setAttribute("aria-label", `Map of ${room}: arrow keys move it, plus and minus zoom`);
}
