// A user with the stock client: `node stock_chatter.js '{…part}'`, with the fields of our_chatter.Part but the outbox.
//
// What an application has to do by itself over socket.io-client to lose nothing: it keeps what it wrote until it is
// acknowledged, writes it again under the same id after each reconnect, joins with the position up to which it has the
// room, and drops by its offset what it has.
"use strict";

const fs = require("fs");
const readline = require("readline");
const { io } = require("socket.io-client");

const part = JSON.parse(process.argv[2]);
const diary = fs.openSync(part.diary, "a");

function note(kind, what = {}) {
  // hrtime is the monotonic clock that Python's time.monotonic_ns reads; a Number would round its nanoseconds.
  const line = JSON.stringify({ kind, ...what });
  fs.writeSync(diary, `{"ns":${process.hrtime.bigint()},${line.slice(1)}\n`);
}

let state = part.seed;
/** A random number in [0, 1): Park and Miller's minimal standard generator. */
function random() {
  state = (state * 48271) % 2147483647;
  return state / 2147483647;
}
const choice = (items) => items[Math.floor(random() * items.length)];

const socket = io(part.url, {
  transports: ["websocket"],
  auth: { userId: part.user, deviceId: part.device },
  ...part.options,
});
let generation = 0; // of the connection
let stopping = false;
let wasConnected = false;
let isIn = false;

/** One room, as an application over the stock client has it. */
class Room {
  constructor(roomId) {
    this.roomId = roomId;
    this.last = null; // everything up to this offset was told, shown, or is our own
    this.epoch = null;
    this.joined = false;
    this.held = [];
    this.pending = new Map(); // message id -> payload, not acknowledged
    this.own = new Set(); // message ids of this life
    this.shown = new Map(); // offset -> text
  }

  join() {
    this.joined = false;
    this.held = [];
    const since = this.last === null ? {} : { since: `${this.epoch}:${this.last}` };
    this.ask("room:join", { roomId: this.roomId, ...since }, (reply) => {
      const [, epoch, offset] = /^(.*):(\d+)$/.exec(reply.position);
      if (this.last === null) {
        this.epoch = epoch;
        for (const entry of reply.messages) this.show(entry);
        this.last = Number(offset);
        note("member", { room: this.roomId });
        this.enter();
        return;
      }
      if (!reply.recovered || epoch !== this.epoch) note("gap", { room: this.roomId });
      this.page(reply);
    });
  }

  page(reply) {
    for (const entry of reply.messages) this.hear(entry);
    if (!reply.more) return this.enter();
    this.ask("chat:history", { roomId: this.roomId, after: this.last, limit: 200 }, (next) => this.page(next));
  }

  enter() {
    this.joined = true;
    for (const entry of this.held.splice(0)) this.hear(entry);
    for (const payload of this.pending.values()) this.send(payload);
    look();
  }

  /** Asks, and listens to the answer only on this connection. */
  ask(event, payload, answered) {
    const asked = generation;
    socket.emit(event, payload, (reply) => {
      if (asked !== generation) return;
      if (reply.ok) answered(reply);
      else note("complaint", { reason: `${event} ${JSON.stringify(payload)}: ${JSON.stringify(reply)}` });
    });
  }

  /** An entry of the log, by broadcast or page. */
  hear(entry) {
    if (entry.offset <= this.last) return note("again", { room: this.roomId, text: entry.text, offset: entry.offset });
    this.last = entry.offset;
    if (this.own.has(entry.messageId)) return this.acked(entry);
    note("told", { room: this.roomId, text: entry.text, offset: entry.offset, sender: entry.userId });
    this.shown.set(entry.offset, entry.text);
  }

  show(entry) {
    if (this.own.has(entry.messageId)) this.acked(entry);
    else this.shown.set(entry.offset, entry.text);
  }

  write(text) {
    const payload = { roomId: this.roomId, messageId: `${part.device}-${part.life}-${text}`, text };
    note("attempt", { room: this.roomId, text });
    this.own.add(payload.messageId);
    this.pending.set(payload.messageId, payload);
    if (this.joined) this.send(payload);
  }

  send(payload) {
    this.ask("chat:message", payload, (reply) => this.acked({ ...payload, ...reply }));
  }

  acked(entry) {
    if (!this.pending.delete(entry.messageId)) return;
    note("acked", { text: entry.text, offset: entry.offset });
    this.shown.set(entry.offset, entry.text);
    look();
  }

  /** Reads what precedes the first page, to show the whole room. */
  scrollBack(done) {
    const before = Math.min(...this.shown.keys());
    if (!(before > 1 && before < Infinity)) return done();
    this.ask("chat:history", { roomId: this.roomId, before, limit: 200 }, (reply) => {
      for (const entry of reply.messages) this.show(entry);
      if (reply.messages.length) this.scrollBack(done);
      else done();
    });
  }
}

const rooms = new Map(part.rooms.map((roomId) => [roomId, new Room(roomId)]));

socket.on("connect", () => {
  generation += 1;
  if (wasConnected) note("reconnect");
  wasConnected = true;
  for (const room of rooms.values()) room.join();
});
socket.on("disconnect", () => {
  generation += 1;
  for (const room of rooms.values()) room.joined = false;
  look();
});
socket.on("chat:message", (entry) => {
  const room = rooms.get(entry.roomId);
  if (room.joined) room.hear(entry);
  else room.held.push(entry);
});

let number = 0;
function write() {
  if (stopping) return;
  const room = rooms.get(choice(part.rooms));
  for (let left = choice([1, 1, 1, 1, 2, 5, 20]); left > 0; left -= 1) {
    number += 1;
    room.write(`${part.device} ${part.life}-${number}`);
  }
  setTimeout(write, -Math.log(1 - random()) * part.every_s * 1000);
}

let settled = false;
/** Notes whether this device is in all its rooms, and says when all that it wrote is answered. */
function look() {
  const all = [...rooms.values()];
  const nowIn = all.every((room) => room.joined);
  if (nowIn !== isIn) {
    note((isIn = nowIn) ? "in" : "out");
    process.stdout.write('{"in":true}\n');
  }
  if (!stopping || settled || !isIn || all.some((room) => room.pending.size)) return;
  settled = true;
  process.stdout.write('{"settled":true}\n');
}

/** Notes what each room shows, once it has come to the end of its log; or after some seconds whatever it shows. */
function show(ends, patience = 100) {
  const all = [...rooms.values()];
  if (patience > 0 && !all.every((room) => room.shown.has(ends[room.roomId]))) {
    setTimeout(show, 50, ends, patience - 1);
    return;
  }
  let left = all.length;
  for (const room of all)
    room.scrollBack(() => {
      note("view", { room: room.roomId, entries: [...room.shown].sort(([one], [other]) => one - other) });
      if (--left === 0) process.stdout.write('{"shown":true}\n');
    });
}

write();
const lines = readline.createInterface({ input: process.stdin });
lines.on("line", (line) => {
  const { ends } = JSON.parse(line);
  if (ends) return show(ends);
  stopping = true;
  look();
});
lines.on("close", () => process.exit(0));
