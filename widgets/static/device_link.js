const MAX_WAITING = 300; // positions that Python has not heard of; over this, every other one of the older half goes
const PER_REPORT = 50;
const LONGEST_PAUSE_MS = 60_000;
const UNWATCHED_MS = 2_000;

/**
 * This page as a phone. It tells Python its whole state at every change and with every heartbeat, and again until it
 * is heard, since the link to the kernel may be as bad as any, and the kernel busy. While it is not heard it says only
 * what may be its last word: that it goes out of sight, or online. Each model has one.
 */
function devicePhone(model, feed, signal) {
  const page = [...crypto.getRandomValues(new Uint8Array(12))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  const watchers = new Set();
  const kernel = model.widget_manager?.kernel;
  let [run, seq, heard] = [0, 0, 0];
  let phase = null; // "on"; "stop" and "bye" until they are heard
  let isLost = false; // the kernel that knew of this model is gone
  let known = false; // Python has said that this run is the phone
  let [beat, pause, sentAt, unheardSince] = [5000, 5000, 0, 0];
  let fixes = []; // those that Python has not heard of: { value, seq: of the first report with it }
  let opened = [];
  let lastFix = null;
  let isDue = false; // something changed since the last report
  let unwatched = 0;

  const tell = () => {
    for (const watcher of watchers) watcher();
  };
  const report = () => {
    if (!phase) return;
    isDue = false;
    seq += 1;
    sentAt = performance.now();
    if (seq === heard + 1) unheardSince = sentAt;
    const head = fixes.slice(0, PER_REPORT);
    for (const each of [...head, ...opened]) each.seq ??= seq;
    const values = (list) => list.map(({ value }) => value);
    const state = { ...senses.read(), fixes: values(head), opened: values(opened) };
    try {
      model.send({ type: "report", page, run, seq, phase, ...state });
    } catch {
      // the kernel cannot be reached now; the next beat tries again
    }
    tell();
  };
  const reportOnceHeard = () => {
    isDue = heard !== seq;
    if (isDue) tell();
    else report();
  };
  const senses = deviceSenses({
    changed: (isUrgent) => (isUrgent ? report() : reportOnceHeard()),
    measured(fix) {
      lastFix = fix;
      fixes.push({ value: fix });
      if (fixes.length > MAX_WAITING) fixes = fixes.filter((_, i) => i % 2 === 0 || i > MAX_WAITING / 2);
      reportOnceHeard();
    },
  });
  const notices = deviceNotices({
    opened(id) {
      opened.push({ value: id });
      report();
    },
    failed: (words) => senses.notifications.set("missing", words.slice(0, 300)),
  });
  const end = () => {
    phase = null;
    known = false;
    [fixes, opened, lastFix] = [[], [], null];
    senses.stop();
    notices.update([]);
    tell();
  };
  const hear = (message) => {
    if (message.type !== "heard" || message.page !== page || message.run !== run) return;
    heard = Math.max(heard, message.seq);
    pause = beat;
    unheardSince = performance.now();
    const isNews = (each) => !(each.seq <= message.seq);
    [fixes, opened] = [fixes.filter(isNews), opened.filter(isNews)];
    if (!message.phone) end();
    else if (heard === seq && (isDue || fixes.length)) report();
    else tell();
  };
  const ring = () => {
    if (!phase) return;
    if (heard !== seq && performance.now() - sentAt < pause) return;
    if (heard !== seq) pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
    if (kernel?.connectionStatus === "disconnected" && navigator.onLine) kernel.reconnect().catch(() => {});
    report();
  };
  const lose = () => {
    isLost = true;
    end();
  };
  const changedStatus = (_, status) => ["restarting", "autorestarting", "dead"].includes(status) && lose();
  const reconnected = (_, status) => status === "connected" && report();
  const leave = (event) => {
    if (phase && !event.persisted) {
      phase = "bye";
      report();
    }
  };

  let timer = 0;
  feed.watch((state) => {
    if (state.beat_ms !== beat || !timer) {
      beat = pause = state.beat_ms;
      clearInterval(timer);
      timer = setInterval(ring, beat);
    }
    if (phase !== "on") return;
    if (state.page === page) known = true;
    else if (known) return end();
    notices.update(senses.notifications.state.sense === "on" ? state.tray : []);
  }, signal);
  model.on("msg:custom", hear);
  kernel?.connectionStatusChanged?.connect(reconnected);
  kernel?.statusChanged?.connect(changedStatus);
  kernel?.disposed?.connect(lose);
  window.addEventListener("pagehide", leave, { signal });
  signal.addEventListener("abort", () => {
    clearInterval(timer);
    kernel?.connectionStatusChanged?.disconnect(reconnected);
    kernel?.statusChanged?.disconnect(changedStatus);
    kernel?.disposed?.disconnect(lose);
    end();
  });

  return {
    page,
    senses,
    get isOn() {
      return phase === "on";
    },
    get isLost() {
      return isLost;
    },
    get lastFix() {
      return lastFix;
    },
    get waiting() {
      return fixes.length;
    },
    /** For how long Python has not answered, in milliseconds; 0 if it is not late. */
    get lateMs() {
      const late = phase && heard !== seq ? performance.now() - unheardSince : 0;
      return late > 2 * beat ? late : 0;
    },
    start() {
      if (isLost) return;
      run += 1;
      heard = seq;
      [phase, known, pause] = ["on", false, beat];
      senses.start();
      report();
    },
    stop() {
      if (phase !== "on") return;
      phase = "stop";
      senses.stop();
      notices.update([]);
      report();
    },
    /** Calls `watcher` after every change, until `signal` aborts. Without any panel to stop it, a page stops itself. */
    watch(watcher, viewSignal) {
      clearTimeout(unwatched);
      watchers.add(watcher);
      viewSignal.addEventListener("abort", () => {
        watchers.delete(watcher);
        if (watchers.size === 0) unwatched = setTimeout(this.stop, UNWATCHED_MS);
      });
    },
  };
}
