"""The words for a connection's condition."""

from __future__ import annotations

from realtime.connection.connection_state import ConnectionSnapshot, ConnectionState


def test_the_states_are_words_for_people_and_programs() -> None:
    assert [str(state) for state in ConnectionState] == [
        "disconnected",
        "connecting",
        "connected",
        "reconnecting",
        "suspended",
    ]


def test_a_fresh_snapshot_knows_nothing_yet() -> None:
    snapshot = ConnectionSnapshot()
    assert snapshot.state is ConnectionState.DISCONNECTED
    assert (snapshot.rtt_s, snapshot.reason, snapshot.next_attempt_at_s) == (None, None, None)
    assert (snapshot.attempt, snapshot.queued, snapshot.unacked) == (0, 0, 0)
