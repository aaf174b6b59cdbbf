"""Figures of a running server."""

from __future__ import annotations

import msgspec


class Counters(msgspec.Struct):
    """What has happened since the start.

    Args:
        handshakes: WebSocket handshakes that were accepted.
        handshakes_refused: those that came too many at a time.
        messages_in: events received.
        messages_logged: chat messages that got an offset; a retried one counts once.
        changes_logged: edits, deletions and reactions that got an offset.
        duplicates: messages and changes that came again and were answered as the first time.
        refused: events answered with a refusal.
        storage_failures: messages and changes that the engine could not store.
        deliveries: frames of broadcasts handed to a receiver.
        volatile_dropped: volatile frames that a lagging receiver was spared.
        ended_too_slow: connections ended because the receiver did not keep up.
        bad_packets: connections ended over a packet that the protocol forbids.
        sessions_recovered: clients that came back to their session, and heard all that they had missed.
        recoveries_refused: clients that came back to a session, and had to begin a new one.
    """

    handshakes: int = 0
    handshakes_refused: int = 0
    messages_in: int = 0
    messages_logged: int = 0
    changes_logged: int = 0
    duplicates: int = 0
    refused: int = 0
    storage_failures: int = 0
    deliveries: int = 0
    volatile_dropped: int = 0
    ended_too_slow: int = 0
    bad_packets: int = 0
    sessions_recovered: int = 0
    recoveries_refused: int = 0


class Stats(Counters, kw_only=True):
    """The counters at one moment, and what there is. A copy: it does not change any more.

    Args:
        connections: WebSocket connections.
        sessions: users on devices, in all namespaces.
        rooms: rooms with somebody in them.
    """

    connections: int
    sessions: int
    rooms: int

    @classmethod
    def of(cls, counters: Counters, *, connections: int, sessions: int, rooms: int) -> Stats:
        """A snapshot."""
        return cls(connections=connections, sessions=sessions, rooms=rooms, **msgspec.structs.asdict(counters))
