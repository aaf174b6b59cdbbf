"""The address that a Socket.IO client dials."""

from __future__ import annotations

import pytest

from realtime.connection.address import shown_address, websocket_url


@pytest.mark.parametrize(
    ("url", "dialled"),
    [
        ("http://host:8765", "ws://host:8765/socket.io/?EIO=4&transport=websocket"),
        ("https://host", "wss://host/socket.io/?EIO=4&transport=websocket"),
        ("ws://host/", "ws://host/socket.io/?EIO=4&transport=websocket"),
        ("WSS://Host:443/", "wss://Host:443/socket.io/?EIO=4&transport=websocket"),
        ("http://[::1]:80", "ws://[::1]:80/socket.io/?EIO=4&transport=websocket"),
        ("http://host?token=a%20b", "ws://host/socket.io/?token=a%20b&EIO=4&transport=websocket"),
    ],
)
def test_any_usual_form_is_taken(url: str, dialled: str) -> None:
    assert websocket_url(url) == dialled


def test_the_servers_path_may_be_another() -> None:
    assert websocket_url("http://host", path="/chat/io/") == "ws://host/chat/io/?EIO=4&transport=websocket"
    assert websocket_url("http://host", path="io") == "ws://host/io/?EIO=4&transport=websocket"


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("ftp://host", "http, https, ws or wss"),
        ("host:8765", "http, https, ws or wss"),
        ("", "http, https, ws or wss"),
        ("http://", "names no host"),
        ("http://host/custom", "namespace="),
        ("http://host:port", "port"),
        ("http://host#part", "fragment"),
    ],
)
def test_what_cannot_be_dialled_is_refused_with_help(url: str, named: str) -> None:
    with pytest.raises(ValueError, match=named):
        websocket_url(url)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://localhost:8765", "http://localhost:8765"),
        ("https://ana:secret@chat.example:8443", "https://ana:***@chat.example:8443"),
        ("https://:secret@chat.example", "https://:***@chat.example"),
        ("https://ana@chat.example", "https://ana@chat.example"),
        ("https://chat.example?token=secret&region=eu", "https://chat.example?…"),
        ("http://[::1]:8765", "http://[::1]:8765"),
    ],
)
def test_what_people_see_of_an_address_holds_no_secret(url: str, shown: str) -> None:
    assert shown_address(url) == shown
