const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const TICK_MS = 15_000;
const hourAndMinute = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const dayAndTime = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** A moment in words: the time of today, with the day otherwise. */
function moment(ms) {
  const isToday = new Date(ms).toDateString() === new Date().toDateString();
  return (isToday ? hourAndMinute : dayAndTime).format(ms);
}

/** How long ago a moment was, in words; from a day on, the moment itself. */
function ago(ms) {
  const past = Date.now() - ms;
  if (past < 0.75 * MINUTE_MS) return "just now";
  if (past < 0.99 * HOUR_MS) return `${Math.max(1, Math.round(past / MINUTE_MS))} min ago`;
  if (past < 24 * HOUR_MS) return `${Math.round(past / HOUR_MS)} h ago`;
  return moment(ms);
}

/** Says such words anew as time passes, until `signal` aborts. */
function asTimePasses(act, signal) {
  const timer = setInterval(act, TICK_MS);
  signal.addEventListener("abort", () => clearInterval(timer));
}
