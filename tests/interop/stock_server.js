// The stock Socket.IO server on 127.0.0.1: `node stock_server.js '{"port": 0, …Server options}'`.
//
// It speaks for the protocol: on / and /custom it emits `auth` with the handshake's auth after a connect, answers
// `message` with `message-back` and acknowledges `message-with-ack`, both with the arguments they came with.
"use strict";

const { Server } = require("socket.io");
const { tell, obey } = require("./json_lines");

const { port = 0, ...options } = JSON.parse(process.argv[2] || "{}");
const http = require("http").createServer();
const io = new Server(http, { transports: ["websocket"], ...options });

for (const name of ["/", "/custom"]) {
  io.of(name).on("connection", (socket) => {
    tell({ connection: name, recovered: socket.recovered });
    let heartbeats = 0;
    socket.conn.on("heartbeat", () => tell({ heartbeat: ++heartbeats }));
    socket.emit("auth", socket.handshake.auth);
    socket.on("message", (...args) => socket.emit("message-back", ...args));
    socket.on("message-with-ack", (...args) => args.pop()(...args));
    socket.onAny((event, ...args) => tell({ received: [event, ...args.filter((arg) => typeof arg !== "function")] }));
    socket.on("disconnect", (reason) => tell({ disconnect: name, reason }));
  });
}

obey({
  emit: (event) => io.emit(...event),
  emitWithAck: (event) => io.sockets.sockets.forEach((socket) => socket.emit(...event, (...args) => tell({ acked: args }))),
  // Ends every connection, with a WebSocket close or without a word, and emits an event the moment the server knows.
  dropAndEmit: ({ how, event }) =>
    io.sockets.sockets.forEach((socket) => {
      socket.once("disconnect", () => io.emit(...event));
      if (how === "terminate") socket.conn.transport.socket.terminate();
      else socket.conn.close();
    }),
});

http.listen(port, "127.0.0.1", () => tell({ ready: http.address().port }));
