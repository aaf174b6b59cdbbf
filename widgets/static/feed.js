/**
 * Follows the state that Python sends: a snapshot first, then numbered changes (widgets/feed.py).
 * Changes that do not follow what is known are answered by asking for a snapshot, and so is a link to the kernel that
 * is back: with it the last change, or the question, may have been lost. `signal` ends it.
 */
function follow(model, signal) {
  let { revision, state } = model.get("snapshot");
  const watchers = new Set();
  let waiting = false;
  let missed = 0; // the newest change that did not follow

  const tell = () => {
    for (const watcher of watchers) watcher(state);
  };
  const ask = () => {
    if (!waiting) model.send({ type: "follow" });
    waiting = true;
  };

  model.on("msg:custom", (message) => {
    if (message.type === "snapshot") {
      waiting = false;
      if (message.revision > revision) {
        ({ revision, state } = message);
        tell();
      }
      if (missed > revision) ask(); // Python answers on one thread and tells changes on another
    } else if (message.type === "changes" && message.revision > revision) {
      if (message.revision > revision + 1) {
        missed = message.revision;
        return ask();
      }
      state = { ...state, ...message.fields };
      for (const [name, [drop, keep, middle, end]] of Object.entries(message.lists)) {
        const old = state[name];
        state[name] = [...old.slice(drop, drop + keep), ...middle, ...old.slice(old.length - end)];
      }
      revision = message.revision;
      tell();
    }
  });
  const changedStatus = (_, status) => {
    if (status !== "connected") return;
    waiting = false;
    ask();
  };
  const statusChanged = model.widget_manager?.kernel?.connectionStatusChanged;
  statusChanged?.connect(changedStatus);
  signal.addEventListener("abort", () => statusChanged?.disconnect(changedStatus));
  ask();

  return {
    /** Calls `watcher(state)` now and after every change, until `signal` aborts. */
    watch(watcher, signal) {
      watchers.add(watcher);
      signal.addEventListener("abort", () => watchers.delete(watcher));
      watcher(state);
    },
  };
}

/** A widget whose views all follow one feed: `view({ model, el, signal, feed })` builds one of them. */
function liveWidget(view) {
  return () => {
    let feed;
    return {
      initialize({ model, signal }) {
        feed = follow(model, signal);
      },
      render({ model, el, signal }) {
        view({ model, el, signal, feed });
      },
    };
  };
}
