// The stock Node socket.io server with the same work as ours: rooms, and a message that is broadcast and acknowledged.
"use strict";

const { Server } = require("socket.io");

const http = require("http").createServer();
const io = new Server(http, { transports: ["websocket"], serveClient: false });
let offset = 0;

io.on("connection", (socket) => {
  const userId = socket.handshake.auth.userId;
  socket.on("room:join", ({ roomId }, acknowledge) => {
    socket.join(roomId);
    acknowledge({ ok: true });
  });
  socket.on("chat:message", ({ roomId, messageId, text }, acknowledge) => {
    const timestamp = Date.now();
    offset += 1;
    socket.to(roomId).emit("chat:message", { roomId, messageId, userId, text, timestamp, offset });
    acknowledge({ ok: true, messageId, offset, timestamp });
  });
});

http.listen(0, "127.0.0.1", () => console.log(`Serving http://127.0.0.1:${http.address().port}`));
