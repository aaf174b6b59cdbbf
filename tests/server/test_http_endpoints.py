"""What the port says to those who do not come with a WebSocket."""

import asyncio
import inspect
import json

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request

from realtime.server.http_endpoints import HttpEndpoints
from realtime.server.http_responses import json_response, text_response

UPGRADE = {"Connection": "Upgrade", "Upgrade": "websocket"}


async def rooms(request):
    return json_response(200, [request.path])


def ask(path, method="GET", headers=UPGRADE):
    endpoints = HttpEndpoints(
        health=lambda: {"status": "ok", "connections": 3}, metrics=lambda: text_response(200, "rooms 1\n"), rooms=rooms
    )
    response = endpoints.answer(Request(path, Headers(headers), method))
    return asyncio.run(response) if inspect.isawaitable(response) else response


@pytest.mark.parametrize(
    "path",
    [
        "/socket.io/?EIO=4&transport=websocket",
        "/socket.io/?transport=websocket&EIO=4&t=x",
        "/socket.io?EIO=4&transport=websocket",
    ],
)
def test_a_websocket_handshake_passes(path):
    assert ask(path) is None


def test_health_is_json():
    response = ask("/healthz", headers={})
    assert response.status_code == 200
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Content-Length"] == str(len(response.body))
    assert response.headers["Connection"] == "close"
    assert response.headers["Cache-Control"] == "no-store"
    assert json.loads(response.body) == {"status": "ok", "connections": 3}
    assert ask("/healthz?verbose", headers={}).status_code == 200


@pytest.mark.parametrize("path", ["/", "/index.html", "/socket.iox/", "/healthz/x"])
def test_any_other_path_is_told_what_is_here(path):
    response = ask(path, headers={})
    assert response.status_code == 404
    assert response.headers["Content-Type"].startswith("text/plain")
    assert b"/socket.io/" in response.body
    for name in (b"/healthz", b"/metrics", b"/api/rooms/<room>/messages"):
        assert name in response.body


def test_long_polling_is_refused_with_words_that_help():
    response = ask("/socket.io/?EIO=4&transport=polling&t=abc", headers={})
    assert response.status_code == 400
    error = json.loads(response.body)
    assert error["code"] == 0
    assert error["message"].startswith("Transport unknown")
    assert "WebSocket only" in error["message"]
    assert 'transports: ["websocket"]' in error["message"]
    # A browser on another page must be able to read why, and its preflight must not hide it.
    assert response.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize("query", ["EIO=3&transport=websocket", "transport=websocket", "EIO=&transport=websocket"])
def test_another_engine_io_protocol_is_refused(query):
    response = ask(f"/socket.io/?{query}")
    assert response.status_code == 400
    assert json.loads(response.body)["code"] == 5
    assert "Unsupported protocol version" in json.loads(response.body)["message"]


def test_an_upgrade_of_a_polling_session_is_refused():
    response = ask("/socket.io/?EIO=4&transport=websocket&sid=abc")
    assert response.status_code == 400
    assert json.loads(response.body)["code"] == 1


def test_a_missing_transport_and_a_missing_upgrade_are_refused():
    assert json.loads(ask("/socket.io/?EIO=4").body)["code"] == 0
    plain = ask("/socket.io/?EIO=4&transport=websocket", headers={})
    assert plain.status_code == 426
    assert plain.headers["Upgrade"] == "websocket"


def test_only_get_is_answered():
    response = ask("/healthz", method="DELETE", headers={})
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"


def test_metrics_and_rooms_have_addresses():
    assert ask("/metrics", headers={}).body == b"rooms 1\n"
    assert ask("/metrics", method="POST", headers={}).status_code == 405
    assert json.loads(ask("/api/rooms/lobby/messages?limit=1", headers={}).body) == [
        "/api/rooms/lobby/messages?limit=1"
    ]


@pytest.mark.parametrize(
    ("path", "status"),
    [("/healthz", 200), ("/metrics", 200), ("/api/rooms/x/messages", 200), ("/", 404), ("/socket.io/", 400)],
)
def test_a_head_request_gets_the_header_only(path, status):
    """Load balancers ask so; bytes after the header would be taken for the next response (RFC 9110, section 9.3.2)."""
    response = ask(path, method="HEAD", headers={})
    assert response.status_code == status
    assert response.headers["Content-Length"] == ask(path, headers={}).headers["Content-Length"]
    assert response.body == b""
