"""The two sockets of a proxied connection, its owner, and time that the test holds."""

import errno
import random

from realtime.network.access_link import AccessLink
from realtime.network.link import MS, NS, LinkConditions
from realtime.network.proxied_connection import ProxiedConnection
from realtime.network.timetable import Timetable


class Socket:
    """A transport that notes what is done to it; closing takes effect at once."""

    def __init__(self, side):
        self.side, self.written, self.log = side, b"", []
        self.reading = True
        self.closed = False
        self.is_dead = False  # its peer has reset it, and the loop has not looked yet

    def get_extra_info(self, name):
        return self

    def setsockopt(self, *args):
        self.log.append("linger")

    def write(self, data):
        assert not self.closed
        self.written += data

    def write_eof(self):
        if self.is_dead:
            raise OSError(errno.ENOTCONN, "Transport endpoint is not connected")
        self.log.append("eof")

    def is_closing(self):
        return self.closed

    def pause_reading(self):
        self.reading = False

    def resume_reading(self):
        self.reading = True

    def close(self, how="close"):
        if not self.closed:
            self.closed = True
            self.log.append(how)
            self.side.connection_lost(None)

    def abort(self):
        self.close("abort")


class World:
    """Owner and clock of one connection. The server answers at once unless ``listens`` is false or None."""

    def __init__(self, *, delay_ms=50, listens=True):
        self.access = AccessLink(random.Random(1))
        self.now_ns = 0
        self.listens = listens
        self.forgotten = False
        self.timers = []
        self.clock = Timetable()
        self.clock.start(self)
        self.change(LinkConditions(delay_ns=delay_ms * MS))
        self.connection = ProxiedConnection(self)
        self.access.on_change = self.connection.revise
        self.client = self.open(self.connection.client)

    def open(self, side):
        socket = Socket(side)
        side.connection_made(socket)
        return socket

    # the owner's part

    def connect(self, connection):
        if self.listens:
            self.server = self.open(connection.server)
        elif self.listens is False:
            connection.refused()

    def opened(self, side):
        pass

    def closed(self, side):
        pass

    def forget(self, connection):
        assert not self.forgotten
        self.forgotten = True

    # the loop's part

    def time(self):
        return self.now_ns / NS

    def call_at(self, when, callback):
        timer = Timer(round(when * NS), callback)
        self.timers.append(timer)
        return timer

    # the test's part

    def run(self, until_s):
        while live := [timer for timer in self.timers if not timer.is_cancelled]:
            first = min(live, key=lambda timer: timer.at_ns)
            if first.at_ns > until_s * NS:
                break
            self.timers.remove(first)
            self.now_ns = max(self.now_ns, first.at_ns)
            first.callback()
        self.now_ns = int(until_s * NS)
        return self

    def connected(self):
        self.run(1)
        assert not self.forgotten
        return self

    def outage(self, down):
        self.clock.now_ns()
        (self.access.interrupt if down else self.access.resume)("tunnel")

    def change(self, up=None, down=None):
        self.access.set_conditions(self.clock.now_ns(), up=up, down=down or up)


class Timer:
    def __init__(self, at_ns, callback):
        self.at_ns, self.callback, self.is_cancelled = at_ns, callback, False

    def cancel(self):
        self.is_cancelled = True
