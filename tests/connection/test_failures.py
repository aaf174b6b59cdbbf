"""What an exception of the network means, in this package's words."""

from __future__ import annotations

import pytest
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosedError, ConnectionClosedOK, InvalidMessage, InvalidStatus
from websockets.frames import Close
from websockets.http11 import Response

from realtime.connection.errors import ConnectError, ConnectRefused
from realtime.connection.failures import attempt_failure, loss_reason, refusal
from realtime.protocol.errors import RemoteProtocolError

WALL_S = 1_700_000_000.0  # Tue, 14 Nov 2023 22:13:20 GMT


def answered(status: int, **headers: str) -> InvalidStatus:
    named = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return InvalidStatus(Response(status, "", named))


def failure(error: Exception) -> ConnectError:
    return attempt_failure("http://server", error, wall_time_s=WALL_S)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "http://server: ConnectionRefusedError: [Errno 111]"),
        (InvalidMessage("did not receive a valid HTTP response"), "http://server: InvalidMessage: did not receive"),
        (answered(404), "http://server: server rejected WebSocket connection: HTTP 404"),
        (RemoteProtocolError("unknown packet b'x'"), "http://server: RemoteProtocolError: unknown packet"),
        (EOFError(), "http://server: EOFError"),
    ],
)
def test_every_failure_of_an_attempt_names_the_server_and_itself(error: Exception, words: str) -> None:
    found = failure(error)
    assert str(found).startswith(words)
    assert not str(found).endswith(": ")
    assert found.__cause__ is error
    assert found.retry_after_s is None


def test_a_failure_that_already_has_our_words_stays_as_it_is() -> None:
    error = ConnectRefused("no")
    assert failure(error) is error


@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds(status: int) -> None:
    assert failure(answered(status, Retry_After="120")).retry_after_s == 120


def test_retry_after_as_a_date() -> None:
    assert failure(answered(503, Retry_After="Tue, 14 Nov 2023 22:14:20 GMT")).retry_after_s == 60
    assert failure(answered(503, Retry_After="Tue, 14 Nov 2023 22:12:20 GMT")).retry_after_s == 0
    assert failure(answered(503, Retry_After="Tue, 14 Nov 2023 22:14:20 -0000")).retry_after_s == 60


@pytest.mark.parametrize("words", ["soon", "-5", "", "1e400", "12.5", "9" * 400])
def test_a_retry_after_that_means_nothing_is_ignored(words: str) -> None:
    assert failure(answered(503, Retry_After=words)).retry_after_s is None


def test_retry_after_counts_only_where_the_server_is_overloaded() -> None:
    assert failure(answered(404, Retry_After="120")).retry_after_s is None


def test_a_refusal_has_the_servers_words_and_its_wish() -> None:
    found = refusal("busy", {"retryAfterMs": 2500})
    assert (found.message, found.data, found.retry_after_s) == ("busy", {"retryAfterMs": 2500}, 2.5)


@pytest.mark.parametrize(
    "data", [None, {}, [], "x", {"retryAfterMs": "1"}, {"retryAfterMs": -1}, {"retryAfterMs": True}]
)
def test_a_refusal_without_a_wish_is_final(data: object) -> None:
    assert refusal("no", data).retry_after_s is None


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ConnectionClosedOK(Close(1000, ""), Close(1000, ""), True), "transport close"),
        (ConnectionClosedError(Close(1011, "oops"), Close(1011, ""), True), "transport close"),
        (ConnectionClosedError(None, None), "transport close"),
        (ConnectionClosedError(None, Close(1002, "bad opcode")), "parse error"),
        (ConnectionClosedError(None, Close(1007, "invalid UTF-8")), "parse error"),
        (ConnectionClosedError(None, Close(1009, "too big")), "parse error"),
    ],
)
def test_the_reason_of_a_loss(error: Exception, reason: str) -> None:
    assert loss_reason(error) == reason


def test_a_reset_is_a_transport_error() -> None:
    error = ConnectionClosedError(None, None)
    error.__cause__ = ConnectionResetError(104, "reset")
    assert loss_reason(error) == "transport error"
    assert loss_reason(OSError("no")) == "transport error"


@pytest.mark.parametrize(
    ("body", "end"),
    [
        (b'{"code":0,"message":"Transport unknown: WebSocket only"}', "HTTP 400: Transport unknown: WebSocket only"),
        (b"Come back later.\n", "HTTP 400: Come back later."),
        (b"x" * 500, "HTTP 400: " + "x" * 200 + "…"),  # as much as a line of a log bears
        (b"<html><body>nginx</body></html>", "HTTP 400"),
        (b"\xff\xfe", "HTTP 400"),
        (b"", "HTTP 400"),
    ],
)
def test_a_rejected_upgrade_tells_the_servers_words(body: bytes, end: str) -> None:
    rejected = InvalidStatus(Response(400, "", Headers(), body))
    assert str(failure(rejected)) == f"http://server: server rejected WebSocket connection: {end}"
