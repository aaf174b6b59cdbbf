const HIGH_PRECISION = { enableHighAccuracy: true, maximumAge: 0, timeout: 30_000 };
const A_DAY_MS = 86_400_000;
const OFF = { sense: "off", detail: "" };

/**
 * What the browser tells of the device that it runs on. It listens between `start` and `stop` only, and calls
 * `changed(isUrgent)` after every change and `measured(fix)` with every position.
 */
function deviceSenses({ changed, measured }) {
  const state = { visible: true, frozen: false, online: true, carrier: null, speed: null, battery: null };
  const position = positionSense({ changed, measured });
  const notifications = notificationSense({ changed });
  let battery = null;
  let listening = null;

  const look = () => {
    const { type = null, effectiveType = null } = navigator.connection ?? {};
    Object.assign(state, {
      visible: document.visibilityState !== "hidden",
      online: navigator.onLine,
      carrier: type,
      speed: effectiveType,
      battery: battery && { level: battery.level, charging: battery.charging },
    });
  };
  const tell = () => changed(false);
  const tellAtOnce = () => changed(true);
  const freeze = (frozen) => () => {
    state.frozen = frozen;
    changed(true);
  };
  const watchBattery = async (signal) => {
    battery = (await navigator.getBattery?.().catch(() => null)) ?? null;
    if (!battery || signal.aborted) return;
    for (const type of ["levelchange", "chargingchange"]) battery.addEventListener(type, tell, { signal });
    tell();
  };

  return {
    position,
    notifications,
    /** The whole state of now. */
    read() {
      look();
      return { ...state, position: position.state, notifications: notifications.read() };
    },
    start() {
      listening?.abort();
      listening = new AbortController();
      const { signal } = listening;
      state.frozen = false;
      document.addEventListener("visibilitychange", tellAtOnce, { signal });
      document.addEventListener("freeze", freeze(true), { signal });
      document.addEventListener("resume", freeze(false), { signal });
      window.addEventListener("pageshow", freeze(false), { signal });
      window.addEventListener("online", tellAtOnce, { signal });
      window.addEventListener("offline", tellAtOnce, { signal });
      navigator.connection?.addEventListener?.("change", tell, { signal });
      watchBattery(signal);
    },
    stop() {
      listening?.abort();
      listening = null;
      position.stop();
      notifications.stop();
    },
  };
}

/** The position: `ask` shows the browser's question, and follows the position after a yes. */
function positionSense({ changed, measured }) {
  const words = { 1: "denied", 2: "failed", 3: "failed" }; // GeolocationPositionError.code
  let watch = null;
  const sense = {
    state: OFF,
    ask() {
      sense.stop();
      if (!window.isSecureContext) return set("insecure");
      if (!navigator.geolocation) return set("missing");
      set("asking");
      watch = navigator.geolocation.watchPosition(found, failed, HIGH_PRECISION);
    },
    turnOff() {
      sense.stop();
      changed(true);
    },
    stop() {
      if (watch !== null) navigator.geolocation.clearWatch(watch);
      watch = null;
      sense.state = OFF;
    },
  };
  const set = (name, detail = "") => {
    if (sense.state.sense === name && sense.state.detail === detail) return;
    sense.state = { sense: name, detail };
    changed(false);
  };
  const found = ({ coords, timestamp }) => {
    const finite = (value) => (Number.isFinite(value) && value >= 0 ? value : null);
    const now = Date.now(); // some browsers count from elsewhere
    sense.state = { sense: "on", detail: "" };
    measured({
      latitude: coords.latitude,
      longitude: coords.longitude,
      accuracy: coords.accuracy,
      timestamp: Math.round(Math.abs(timestamp - now) < A_DAY_MS ? timestamp : now),
      speed: finite(coords.speed),
      heading: finite(coords.heading),
    });
  };
  const failed = ({ code, message }) => {
    if (code === 1) sense.stop();
    set(words[code] ?? "failed", code === 3 ? "no position within 30 s" : message.slice(0, 300));
  };
  return sense;
}

/** Permission to notify: `ask` shows the browser's question, unless it was answered before. */
function notificationSense({ changed }) {
  const words = { granted: "on", denied: "denied", default: "off" };
  const sense = {
    state: OFF,
    async ask() {
      if (!window.isSecureContext) return sense.set("insecure");
      if (!("Notification" in window)) return sense.set("missing");
      sense.set("asking");
      const answer = await Notification.requestPermission();
      if (sense.state.sense === "asking") sense.set(words[answer] ?? "off");
    },
    set(name, detail = "") {
      sense.state = { sense: name, detail };
      changed(true);
    },
    /** As it is now: a permission may be taken back in the browser's settings. */
    read() {
      const { sense: was } = sense.state;
      if (was === "on" && Notification.permission !== "granted") sense.state = { ...OFF, sense: words[Notification.permission] };
      return sense.state;
    },
    stop() {
      sense.state = OFF;
    },
  };
  return sense;
}
