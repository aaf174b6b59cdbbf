// The stock Socket.IO client: `node stock_client.js URL '{…client options}'`; WebSocket only.
"use strict";

const { io } = require("socket.io-client");
const { tell, obey } = require("./json_lines");

const [url, options = "{}"] = process.argv.slice(2);
const socket = io(url, { transports: ["websocket"], ...JSON.parse(options) });

socket.on("connect", () => tell({ connect: socket.id, recovered: socket.recovered }));
socket.on("connect_error", (error) => tell({ connectError: error.message, data: error.data }));
socket.on("disconnect", (reason) => tell({ disconnect: reason }));
socket.onAny((event, ...args) => {
  const acknowledge = typeof args.at(-1) === "function" ? args.pop() : () => {};
  tell({ event: [event, ...args] });
  acknowledge("heard", event);
});

obey({
  emit: (event) => socket.emit(...event),
  call: (event) => socket.emit(...event, (...args) => tell({ ack: event[0], args })),
  // The transport vanishes under the client, as in a lift.
  drop: () => socket.io.engine.transport.ws.terminate(),
  disconnect: () => socket.disconnect(),
});
