"""A SocketManager without a network: the test is the server."""

from realtime.connection.app_state import AppState
from realtime.connection.errors import ConnectionLost, SendRefused
from realtime.connection.message_queue import QueuedMessage
from realtime.connection.net_info import NetInfo
from realtime.connection.receipt import Receipt
from realtime.utils.event_emitter import EventEmitter


class Asked:
    """One event that the client emitted."""

    def __init__(self, event, payload, receipt, *, ack, volatile):
        self.event, self.payload, self.receipt, self.ack, self.volatile = event, payload, receipt, ack, volatile

    def __repr__(self):
        return f"<{self.event} {self.payload}>"


class FakeSocket(EventEmitter):
    """Notes what is emitted in ``asked``; what needs an ack stays in ``outbox`` until it is answered."""

    def __init__(self, *, connected=True):
        super().__init__()
        self.connected = connected
        self.recovered = False
        self.app_state = AppState()
        self.net_info = NetInfo()
        self.busy = False
        self.full = False
        self.asked = []
        self.outbox = []
        self.left = []  # (message, receipt) of an earlier run of the app
        self.listeners = {}  # by event, for answers
        self.parked = []  # refused, and in the outbox until they are retried
        self.probed = 0
        self.auth = {}  # what is added to it at every connection, by key
        self._ids = 0

    def emit(self, event, payload, *, ack=False, volatile=False):
        if self.full and not volatile:
            raise SendRefused("queue_full", "the outbox is full")
        self._ids += 1
        receipt = Receipt(self._ids, self._discard)
        if volatile and (self.busy or not self.connected):
            receipt.failed(SendRefused("volatile", "dropped"))
            return receipt
        asked = Asked(event, payload, receipt, ack=ack, volatile=volatile)
        if self.connected:
            self.asked.append(asked)
            receipt.sent(final=not ack)
        if ack or not self.connected:
            self.outbox.append(asked)
        return receipt

    def claim(self, event, wanted=lambda args: True):
        claimed = [each for each in self.left if each[0].event == event and wanted(each[0].args)]
        self.left = [each for each in self.left if each not in claimed]
        return claimed

    def leave(self, event, payload):
        """An earlier run of the app left this in the outbox, an hour ago; it is written already."""
        self._ids += 1
        receipt = Receipt(self._ids, self._discard)
        self.outbox.append(Asked(event, payload, receipt, ack=True, volatile=False))
        self.left.append((QueuedMessage(self._ids, event, (payload,), True, b"", (), -3600.0), receipt))

    def on_answer(self, event, handler):
        handlers = self.listeners.setdefault(event, [])
        handlers.append(handler)
        return lambda: handlers.remove(handler)

    def add_to_auth(self, key, make):
        self.auth[key] = make
        return lambda: self.auth.pop(key)

    def retry(self, receipt):
        for asked in [asked for asked in self.parked if asked.receipt is receipt]:
            self.parked.remove(asked)
            self.asked.append(asked)
            receipt.sent()

    def probe(self):
        self.probed += 1

    def connect(self):
        self.connected = True
        waiting = tuple(self.outbox)
        self.dispatch("connect")
        self.asked += waiting

    def disconnect(self, reason="transport close"):
        self.connected = False
        self.parked.clear()
        self.dispatch("disconnect", reason)
        for asked in [asked for asked in self.outbox if asked.volatile]:
            self.outbox.remove(asked)
            asked.receipt.failed(ConnectionLost(reason))

    def answer(self, event, reply=None, **fields):
        """Acknowledge the oldest ``event`` that waits for it."""
        asked = next(asked for asked in self.outbox if asked.event == event and asked not in self.parked)
        code = reply.get("error", {}).get("code") if isinstance(reply, dict) else None
        if code is not None and asked.receipt.waits is not None and asked.receipt.waits(code):
            self.parked.append(asked)
            asked.receipt.queued()
            return asked
        self.outbox.remove(asked)
        asked.receipt.acked({"ok": True, **fields} if reply is None else reply)
        for handler in self.listeners.get(event, ()):
            handler((asked.payload,), asked.receipt.result())
        return asked

    def refuse(self, event, code="no", message="because"):
        return self.answer(event, {"ok": False, "error": {"code": code, "message": message}})

    def said(self, event=None):
        """Take what was emitted so far: the events, or one event's payloads."""
        asked, self.asked = self.asked, []
        if event is None:
            return [each.event for each in asked]
        return [each.payload for each in asked if each.event == event]

    def _discard(self, message_id):
        kept = [asked for asked in self.outbox if asked.receipt.message_id != message_id]
        found = len(kept) < len(self.outbox)
        self.outbox = kept
        return found
