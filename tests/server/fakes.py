"""Stand-ins for the parts around the one under test."""

import msgspec

from realtime.server.rooms import Member
from realtime.server.session import Session


class FakeLink:
    """A connection that keeps what was written, as (event or ack id, arguments)."""

    def __init__(self):
        self.sent = []
        self.left = []
        self.lags = False

    def write(self, frame):
        text = frame[2:] if frame[1] < 126 else frame[4:] if frame[1] == 126 else frame[10:]
        start = text.index(b"[")
        array = msgspec.json.decode(text[start:])
        if text.startswith(b"43"):
            self.sent.append((int(text[2:start].rpartition(b",")[2]), *array))
        else:
            self.sent.append(tuple(array))

    def write_volatile(self, frame):
        if not self.lags:
            self.write(frame)
        return not self.lags

    def leave(self, namespace):
        self.left.append(namespace)

    def take(self):
        """Everything written since the last call."""
        sent, self.sent = self.sent, []
        return sent


def fake_session(user_id="ana", device_id="phone", *, sid=None, namespace="/"):
    sid = sid or f"{user_id}/{device_id}"
    return Session(sid=sid, member=Member(user_id, device_id), namespace=namespace, link=FakeLink(), auth=None)
