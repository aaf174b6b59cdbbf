"""Histories written by hand: who said what, and when."""

from realtime.sim.checkers import divergent, duplicated, lost, phantom, reordered, stuck
from realtime.sim.history import History

SAFETY = (lost, duplicated, reordered, phantom, divergent, stuck)


class Story(History):
    """A history with a clock of its own; one tick before each record, unless it is set."""

    def __init__(self, *members, room="lobby"):
        self.now_s = 0.0
        super().__init__(lambda: self.now_s)
        self.room = room
        self._offset = 0
        for name in members:
            self.member(name, room)

    def at(self, now_s):
        self.now_s = now_s
        return self

    def send(self, sender, message_id, *receivers, offset=None):
        """A message that is sent, acked and delivered as it should be."""
        self._offset = offset or self._offset + 1
        self.attempt(sender, self.room, message_id)
        self.ok(message_id, self._offset)
        for receiver in receivers:
            self.deliver(receiver, message_id, self._offset, sender)
        return self

    def deliver(self, receiver, message_id, offset, sender="ana"):
        self.delivery(receiver, self.room, message_id, offset, sender)
        return self

    def show(self, receiver, *entries):
        self.view(receiver, self.room, entries)
        return self


def texts(violations):
    return [violation.text for violation in violations]
