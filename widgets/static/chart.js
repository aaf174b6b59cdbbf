const LOOK_PERIOD_MS = 200;

/**
 * A small chart of one quantity over the last seconds, with its newest value in words beside it.
 * `draw(samples, window_s)` redraws; so do a change of size, of pixel density and of JupyterLab's theme.
 * A series is { of: sample => number | null, colour: CSS variable, dashed, area }; nulls are gaps.
 */
function chart({ label, height, paint, words, signal }) {
  const canvas = h("canvas", { class: "rt-canvas", role: "img", style: `height: ${height}px` });
  const value = h("span", { class: "rt-value" });
  const node = h("div", { class: "rt-chart" }, h("div", { class: "rt-caption" }, h("span", {}, label), value), canvas);
  const colour = colours(canvas);
  let latest = { samples: [], window_s: 60 };
  let asked = false;

  const render = () => {
    asked = false;
    const ratio = window.devicePixelRatio || 1;
    const { clientWidth: width } = canvas;
    if (!width) return;
    canvas.width = Math.round(width * ratio);
    canvas.height = Math.round(height * ratio);
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    const { samples, window_s } = latest;
    const end = samples.length ? samples[samples.length - 1][0] : 0;
    const x = (t) => width - ((end - t) / window_s) * width;
    paint({ context, samples, width, height, x, colour: colour.read() });
  };
  const redraw = () => {
    if (!asked) requestAnimationFrame(render);
    asked = true;
  };

  const resized = new ResizeObserver(redraw);
  resized.observe(canvas);
  // No event tells when a theme's colours are there: JupyterLab's attributes on the body change before its style sheet.
  const looking = setInterval(() => {
    if (colour.changed()) redraw();
  }, LOOK_PERIOD_MS);
  signal.addEventListener("abort", () => {
    resized.disconnect();
    clearInterval(looking);
  });

  return {
    node,
    draw(samples, window_s) {
      latest = { samples, window_s };
      const said = words(samples);
      say(value, said);
      canvas.setAttribute("aria-label", `${label}, last ${window_s} seconds; now ${said}`);
      redraw();
    },
  };
}

/** The theme's colours where the element stands: `read()` gives `colour("accent")`, `changed()` if one it gave did. */
function colours(element) {
  const read = new Map();
  const value = (style, name) => style.getPropertyValue(`--rt-${name}`).trim();
  return {
    read() {
      const style = getComputedStyle(element);
      read.clear();
      return (name) => read.set(name, value(style, name)).get(name);
    },
    changed() {
      const style = getComputedStyle(element);
      return [...read].some(([name, colour]) => value(style, name) !== colour);
    },
  };
}

/** A painter of lines over a common scale that starts at zero. */
function linePainter(series, { least, format }) {
  return ({ context, samples, width, height, x, colour }) => {
    const top = 4;
    const values = samples.flatMap((sample) => series.map(({ of }) => of(sample) ?? 0));
    const max = niceCeiling(Math.max(least, ...values));
    const y = (value) => height - 1 - (value / max) * (height - 1 - top);
    grid({ context, width, height, top, colour });
    for (const { of, colour: name, dashed, area } of series) {
      context.strokeStyle = context.fillStyle = colour(name);
      context.lineWidth = 1.75;
      context.lineJoin = "round";
      context.setLineDash(dashed ? [4, 3] : []);
      for (const run of runs(samples, of)) {
        const path = new Path2D();
        run.forEach(([t, value], i) => (i ? path.lineTo(x(t), y(value)) : path.moveTo(x(t), y(value))));
        if (run.length === 1) path.lineTo(x(run[0][0]) + 1.5, y(run[0][1]));
        context.stroke(path);
        if (!area) continue;
        path.lineTo(x(run[run.length - 1][0]), height);
        path.lineTo(x(run[0][0]), height);
        context.globalAlpha = 0.15;
        context.fill(path);
        context.globalAlpha = 1;
      }
    }
    context.setLineDash([]);
    sayTop({ context, top, colour, words: format(max) });
  };
}

/** Horizontal lines at the top and the bottom of the scale. */
function grid({ context, width, height, top, colour }) {
  context.strokeStyle = colour("line");
  context.lineWidth = 1;
  for (const at of [top + 0.5, height - 0.5]) {
    context.beginPath();
    context.moveTo(0, at);
    context.lineTo(width, at);
    context.stroke();
  }
}

/** The value at the top of the scale, legible over the lines. */
function sayTop({ context, top, colour, words }) {
  context.font = `10px ${getComputedStyle(context.canvas).fontFamily}`;
  context.textBaseline = "top";
  context.strokeStyle = colour("surface");
  context.lineWidth = 4;
  context.strokeText(words, 2, top + 3);
  context.fillStyle = colour("muted");
  context.fillText(words, 2, top + 3);
}

/** Stretches of samples that have a value, as [t, value] pairs. */
function runs(samples, of) {
  const found = [];
  let run = [];
  for (const sample of samples) {
    const value = of(sample);
    if (value !== null) run.push([sample[0], value]);
    else if (run.length) {
      found.push(run);
      run = [];
    }
  }
  if (run.length) found.push(run);
  return found;
}

/** The next of 1, 2, 5, 10, 20, 50 … that is not below. */
function niceCeiling(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => step * unit >= value) * unit;
}
