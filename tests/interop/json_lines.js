// How the stock server and client talk to a test: JSON lines on stdin (commands) and stdout (what happened).
// Bytes, which JSON lacks, stand as {"$bytes": "<base64>"}.
"use strict";

const readline = require("readline");

function toPlain(value) {
  if (value instanceof Uint8Array || value instanceof ArrayBuffer) return { $bytes: Buffer.from(value).toString("base64") };
  if (Array.isArray(value)) return value.map(toPlain);
  if (value && typeof value === "object")
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, toPlain(item)]));
  return value;
}

function fromPlain(value) {
  if (Array.isArray(value)) return value.map(fromPlain);
  if (value && typeof value === "object") {
    if (typeof value.$bytes === "string") return Buffer.from(value.$bytes, "base64");
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, fromPlain(item)]));
  }
  return value;
}

/** Tells the test what happened. */
function tell(happened) {
  process.stdout.write(JSON.stringify(toPlain(happened)) + "\n");
}

/** Calls `commands[name](argument)` for each line `{name: argument}`; the end of stdin ends the process. */
function obey(commands) {
  const lines = readline.createInterface({ input: process.stdin });
  lines.on("line", (line) => {
    for (const [name, argument] of Object.entries(JSON.parse(line))) commands[name](fromPlain(argument));
  });
  lines.on("close", () => process.exit(0));
}

module.exports = { tell, obey };
