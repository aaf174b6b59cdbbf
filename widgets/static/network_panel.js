const [RTT, UP, DOWN, STATE, WAITING] = [1, 2, 3, 4, 5]; // columns of a sample; 0 is the time in seconds
const SET_PERIOD_MS = 80;
const HANDS_OFF_MS = 600; // a slider that is being moved is not moved by what comes back
const FASTEST_KBPS = 100_000;
const SLOWEST_KBPS = 10;
const RATE_STEPS = 80;

const number = new Intl.NumberFormat(undefined, { maximumSignificantDigits: 3 });
const rateWords = (bps) => {
  if (bps >= 1e6) return `${number.format(bps / 1e6)} Mbit/s`;
  return bps >= 1e3 ? `${number.format(bps / 1e3)} kbit/s` : `${Math.round(bps)} bit/s`;
};
const msWords = (ms) => (ms >= 1000 ? `${number.format(ms / 1000)} s` : `${Math.round(ms)} ms`);

/** Rate on a logarithmic scale; the last step is no limit at all. */
const rateOfStep = (step) => {
  if (step >= RATE_STEPS) return null;
  return Number((SLOWEST_KBPS * (FASTEST_KBPS / SLOWEST_KBPS) ** (step / (RATE_STEPS - 1))).toPrecision(2));
};
const stepOfRate = (kbps) => {
  if (kbps === null) return RATE_STEPS;
  const share = Math.log(kbps / SLOWEST_KBPS) / Math.log(FASTEST_KBPS / SLOWEST_KBPS);
  return Math.round(Math.min(1, Math.max(0, share)) * (RATE_STEPS - 1));
};

/** A labelled slider. `toSlider` and `fromSlider` map values to its steps; `words` says a value with its unit. */
function slider({ label, steps, toSlider, fromSlider, words, send }) {
  const value = h("span", { class: "rt-value", "aria-hidden": "true" });
  const input = h("input", { type: "range", min: 0, max: steps, step: 1, "aria-label": label });
  const node = h("label", { class: "rt-field" }, h("span", { class: "rt-caption" }, h("span", {}, label), value), input);
  let touchedAt = -Infinity;
  let timer = 0;

  const show = (shown) => {
    say(value, words(shown));
    input.setAttribute("aria-valuetext", words(shown));
  };
  input.addEventListener("input", () => {
    touchedAt = performance.now();
    show(fromSlider(input.valueAsNumber));
    if (timer) return;
    timer = setTimeout(() => {
      timer = 0;
      touchedAt = performance.now();
      send(fromSlider(input.valueAsNumber));
    }, SET_PERIOD_MS);
  });
  return {
    node,
    update(shown) {
      if (timer || performance.now() - touchedAt < HANDS_OFF_MS) return;
      input.value = toSlider(shown);
      show(shown);
    },
  };
}

/** A button whose words say what it will do: one act, or the way back from it. */
function actButton(model, notice, there, back) {
  const button = h("button", { type: "button" });
  button.addEventListener("click", () => {
    notice.hidden = true;
    model.send({ type: "act", act: button.dataset.act });
  });
  return {
    node: button,
    update(isThere = false) {
      const { act, words } = isThere ? back : there;
      button.dataset.act = act;
      button.classList.toggle("rt-active", isThere);
      say(button, words);
    },
  };
}

/** The state of the connection over time: a band whose height tells it too, for those who cannot tell the colours. */
function paintStates({ context, samples, width, height, x, colour }) {
  const trying = ["warn", 0.5];
  const levels = { connected: ["good", 1], connecting: trying, reconnecting: trying, suspended: ["muted", 0.25] };
  context.fillStyle = colour("line");
  context.fillRect(0, height - 1, width, 1);
  let from = samples.length ? x(samples[0][0]) : 0;
  samples.forEach((sample, i) => {
    if (sample[STATE] === samples[i + 1]?.[STATE]) return;
    const [name, level] = levels[sample[STATE]] ?? ["bad", 0.25];
    const to = x(sample[0]);
    context.fillStyle = colour(name);
    context.fillRect(from, height - level * height, Math.max(1, to - from), level * height);
    from = to;
  });
}

function charts(signal) {
  const newest = (samples) => samples[samples.length - 1];
  const known = (samples, words) => (samples.length ? words(newest(samples)) : "–");
  const rtt = { of: (s) => s[RTT], colour: "accent", area: true };
  const down = { of: (s) => s[DOWN], colour: "accent", area: true };
  const up = { of: (s) => s[UP], colour: "text", dashed: true };
  const waiting = { of: (s) => s[WAITING], colour: "warn", area: true };
  return [
    chart({
      label: "Round trip",
      height: 56,
      paint: linePainter([rtt], { least: 100, format: msWords }),
      words: (samples) => known(samples, (s) => (s[RTT] === null ? "no answer" : msWords(s[RTT]))),
      signal,
    }),
    chart({
      label: "Throughput (↑ dashed)",
      height: 56,
      paint: linePainter([down, up], { least: 1000, format: rateWords }),
      words: (samples) => known(samples, (s) => `↓ ${rateWords(s[DOWN])}, ↑ ${rateWords(s[UP])}`),
      signal,
    }),
    chart({
      label: "Not acknowledged yet",
      height: 40,
      paint: linePainter([waiting], { least: 2, format: (n) => String(n) }),
      words: (samples) => known(samples, (s) => (s[WAITING] === 1 ? "1 message" : `${s[WAITING]} messages`)),
      signal,
    }),
    chart({
      label: "Connection",
      height: 18,
      paint: paintStates,
      words: (samples) => known(samples, (s) => CONNECTION_WORDS[s[STATE]] ?? s[STATE]),
      signal,
    }),
  ];
}

export default liveWidget(({ model, el, signal, feed }) => {
  const { section, title, subtitle, chip, notice } = frame(el, "network", "Network");
  showRefusals(model, notice);

  const profile = profileList((name) => model.send({ type: "profile", name }));
  const set = (name) => (value) => model.send({ type: "set", [name]: value });
  const rate = slider({
    label: "Rate",
    steps: RATE_STEPS,
    toSlider: stepOfRate,
    fromSlider: rateOfStep,
    words: (kbps) => (kbps === null ? "unlimited" : rateWords(kbps * 1000)),
    send: set("rate_kbps"),
  });
  const delay = slider({
    label: "Delay, each way",
    steps: 100,
    toSlider: (ms) => Math.round(ms / 10),
    fromSlider: (step) => step * 10,
    words: msWords,
    send: set("delay_ms"),
  });
  const loss = slider({
    label: "Loss",
    steps: 60,
    toSlider: (share) => Math.round(share * 200),
    fromSlider: (step) => step / 200,
    words: (share) => `${number.format(share * 100)} %`,
    send: set("loss"),
  });

  const act = (act, words) => ({ act, words });
  const offline = actButton(model, notice, act("offline", "Go offline"), act("online", "Go online"));
  const unplug = actButton(model, notice, act("unplug", "Unplug"), act("replug", "Replug"));
  const reset = actButton(model, notice, act("reset", "Reset connections"));
  const app = actButton(model, notice, act("background", "App to background"), act("foreground", "App to foreground"));
  reset.update();

  const buttons = h("div", { class: "rt-buttons", role: "group", "aria-label": "Faults" });
  buttons.append(offline.node, unplug.node, reset.node, app.node);
  const fields = [profile.node, rate.node, delay.node, loss.node];
  const drawn = charts(signal);
  section.append(
    h(
      "div",
      { class: "rt-panel" },
      h("div", { class: "rt-controls" }, ...fields, buttons),
      h("div", { class: "rt-charts" }, ...drawn.map((each) => each.node)),
    ),
  );

  feed.watch((state) => {
    section.setAttribute("aria-label", `Network of ${state.title}`);
    say(title, state.title);
    say(subtitle, state.about);
    showConnection(chip, state.connection);
    profile.update(state);
    rate.update(state.rate_kbps);
    delay.update(state.delay_ms);
    loss.update(state.loss);
    offline.update(state.network === "offline");
    unplug.update(state.network === "unplugged");
    app.update(state.app === "background");
    for (const each of drawn) each.draw(state.samples, state.window_s);
  }, signal);
});

/** The list of profiles; conditions that were set one by one are no profile. */
function profileList(send) {
  const select = h("select", { "aria-label": "Profile" }, h("option", { value: "", disabled: true }, "Own settings"));
  let touchedAt = -Infinity;
  select.addEventListener("change", () => {
    touchedAt = performance.now();
    send(select.value);
  });
  return {
    node: h("label", { class: "rt-field" }, h("span", { class: "rt-caption" }, "Profile"), select),
    update({ profiles, profile }) {
      if (select.options.length === 1) select.append(...profileGroups(profiles));
      if (performance.now() - touchedAt > HANDS_OFF_MS) select.value = profile ?? "";
    },
  };
}

function profileGroups(profiles) {
  const groups = new Map();
  for (const [name, words, group] of profiles) {
    if (!groups.has(group)) groups.set(group, h("optgroup", { label: group }));
    groups.get(group).append(h("option", { value: name }, words));
  }
  return groups.values();
}
