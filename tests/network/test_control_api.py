"""The proxy is steered over HTTP, by anything on this machine and by nothing from elsewhere."""

import asyncio
import http.client
import json
import random
import socket

import pytest

from realtime.network.control_api import ControlApi, ControlApiError
from realtime.network.profiles import load_profiles
from realtime.network.proxy import ChaosProxy
from tests.network.sockets import Client, Server


@pytest.fixture
async def proxy():
    async with Server() as server, ChaosProxy("127.0.0.1", server.port, rng=random.Random(7)) as proxy:
        yield proxy


@pytest.fixture
async def api(proxy):
    async with ControlApi(proxy) as api:
        yield api


class Answer:
    """Status, headers and the JSON of a response."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        text = response.read()
        self.json = json.loads(text) if text else None

    @property
    def error(self):
        assert list(self.json) == ["error"]
        return self.json["error"]["message"]


def _ask(api, method, path, body, headers):
    connection = http.client.HTTPConnection(api.host, api.port, timeout=20)
    try:
        connection.request(method, path, body, headers or {})
        return Answer(connection.getresponse())
    finally:
        connection.close()


async def ask(api, method, path, given=None, *, headers=None, raw=None):
    """One request, from a thread, as from another process."""
    body = raw if given is None else json.dumps(given)
    return await asyncio.to_thread(_ask, api, method, path, body, headers)


async def test_get_tells_the_state(api, proxy):
    async with Client(proxy.port) as client:
        await client.ask(b"x" * 100)
        answer = await ask(api, "GET", "/")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json["listen"] == f"127.0.0.1:{proxy.port}"
    assert answer.json["state"] == "online"
    assert answer.json["stats"]["bytes_up"] == 100
    assert answer.json["sample"]["rtt_ms"] == 0
    assert api.url == f"http://127.0.0.1:{api.port}"


async def test_get_profiles_lists_them(api):
    answer = await ask(api, "GET", "/profiles")
    assert [entry["name"] for entry in answer.json["profiles"]] == list(load_profiles())


async def test_a_change_answers_with_the_state_after_it(api, proxy):
    answer = await ask(api, "PUT", "/profile", {"name": "3g"})
    assert (answer.status, answer.json["profile"]) == (200, "3g")
    answer = await ask(api, "PATCH", "/conditions", {"down": {"rate_kbps": 64}})
    assert answer.json["conditions"]["down"]["rate_kbps"] == 64
    assert answer.json["conditions"]["up"]["rate_kbps"] == 768
    assert proxy.conditions("down").rate_bps == 64_000


async def test_the_change_holds_for_a_connection_that_is_open(api, proxy):
    async with Client(proxy.port) as client:
        await client.ask()
        await ask(api, "PATCH", "/conditions", {"down": {"delay_ms": 60}, "up": {"delay_ms": 40}})
        assert await client.ask() >= 0.1, "40 ms there and 60 ms back"


@pytest.mark.parametrize(
    ("path", "body", "state"),
    [
        ("/offline", None, "offline"),
        ("/unplug", None, "unplugged"),
        ("/hold", None, "held"),
        ("/partition", {"direction": "down"}, "partitioned"),
        ("/outage", {"for_s": 60}, "outage"),
        ("/online", None, "online"),
        ("/replug", None, "online"),
        ("/release", None, "online"),
        ("/repair", None, "online"),
        ("/nat-expire", None, "online"),
        ("/change-address", None, "online"),
        ("/reset", {}, "online"),
    ],
)
async def test_every_fault_has_its_path(api, path, body, state):
    answer = await ask(api, "POST", path, body)
    assert (answer.status, answer.json["state"]) == (200, state)


async def test_a_trace_file_is_named(api, proxy, tmp_path):
    path = tmp_path / "bus.mahi"
    path.write_text("".join(f"{ms}\n" for ms in range(10, 1001, 10)))
    answer = await ask(api, "PUT", "/trace", {"path": str(path)})
    assert (answer.status, answer.json["trace"]) == (200, proxy.access.trace.name)
    path.write_text("10\nsoon\n")
    answer = await ask(api, "PUT", "/trace", {"path": str(path)})
    assert answer.status == 400
    assert "bus.mahi" in answer.error
    assert "2" in answer.error, "the line"


@pytest.mark.parametrize(
    ("method", "path", "raw", "status", "words"),
    [
        ("GET", "/nowhere", None, 404, "there is no /nowhere; there are GET /, GET /profiles, PUT /profile"),
        ("POST", "/profile", "{}", 405, "/profile takes PUT, not POST"),
        ("DELETE", "/", None, 405, "/ takes GET, not DELETE"),
        ("PUT", "/profile", "{name: 3g}", 400, "the body is not JSON"),
        ("PUT", "/profile", b"\xff\xfe", 400, "the body is not JSON"),
        ("PUT", "/profile", "[" * 60_000, 400, "the body is not JSON"),
        ("PUT", "/profile", None, 400, "profile takes name"),
        ("PUT", "/profile", '{"name": "9g"}', 400, "no profile '9g'; "),
        ("PUT", "/profile", " " * 70_000, 413, "at most 65536 bytes"),
        ("PATCH", "/conditions", '{"down": {"loss": 2}}', 400, "down: loss is a fraction"),
        ("POST", "/outage", "[]", 400, "outage takes for_s"),
    ],
)
async def test_what_is_wrong_gets_an_error_that_says_what_to_do(api, method, path, raw, status, words):
    answer = await ask(api, method, path, raw=raw)
    assert answer.status == status
    assert words in answer.error
    assert answer.headers["Content-Type"] == "application/json"
    if status == 405:
        assert answer.headers["Allow"] in words


async def test_a_query_string_is_no_part_of_the_path(api):
    assert (await ask(api, "GET", "/?pretty=1")).status == 200


@pytest.mark.parametrize(
    ("request_line", "length", "status"),
    [("hello?", "0", b" 400 "), ("PUT /profile HTTP/1.1", "9" * 5000, b" 413 ")],  # too long for int()
    ids=["no HTTP", "a body without end"],
)
async def test_nonsense_on_the_socket_gets_json_as_well(api, request_line, length, status):
    reader, writer = await asyncio.open_connection(api.host, api.port)
    writer.write(f"{request_line}\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n".encode())
    head, _, body = (await asyncio.wait_for(reader.read(), 20)).partition(b"\r\n\r\n")
    writer.close()
    assert status in head.splitlines()[0]
    assert json.loads(body)["error"]["message"]


# -- who may ask


@pytest.mark.parametrize(
    "host", ["127.0.0.1:{}", "localhost:{}", "LOCALHOST", "127.1.2.3", "[::1]:{}", "localhost.:{}"]
)
async def test_names_of_this_machine_are_accepted(api, host):
    assert (await ask(api, "GET", "/", headers={"Host": host.format(api.port)})).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example:{}", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "", "[::2]", "a@localhost"],
)
async def test_a_foreign_host_header_is_refused(api, host):
    """A page whose name was rebound to 127.0.0.1 says its own name here."""
    answer = await ask(api, "POST", "/offline", headers={"Host": host.format(api.port)})
    assert answer.status == 403
    assert "Host" in answer.error
    assert (await ask(api, "GET", "/")).json["state"] == "online"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://127.0.0.1.evil.example:80", "file://"])
async def test_another_sites_page_is_refused(api, origin):
    answer = await ask(api, "POST", "/offline", headers={"Origin": origin})
    assert answer.status == 403
    assert "Origin" in answer.error
    assert "Access-Control-Allow-Origin" not in answer.headers
    assert (await ask(api, "GET", "/")).json["state"] == "online"


async def test_a_cross_site_request_without_origin_is_refused(api):
    answer = await ask(api, "GET", "/", headers={"Sec-Fetch-Site": "cross-site"})
    assert answer.status == 403


@pytest.mark.parametrize("origin", ["http://localhost:8888", "http://127.0.0.1:3000", "http://[::1]:5173"])
async def test_a_page_of_this_machine_may_ask(api, origin):
    """A test runner in a browser, or JupyterLab."""
    allowed = await ask(api, "OPTIONS", "/conditions", headers={"Origin": origin, "Sec-Fetch-Site": "cross-site"})
    assert allowed.status == 204
    assert allowed.headers["Access-Control-Allow-Methods"] == "PATCH"
    assert allowed.headers["Access-Control-Allow-Headers"] == "Content-Type"
    answer = await ask(api, "POST", "/offline", headers={"Origin": origin})
    assert answer.status == 200
    for each in (allowed, answer):
        assert each.headers["Access-Control-Allow-Origin"] == origin
        assert each.headers["Vary"] == "Origin"


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.1.2.3", "example.com"])
def test_only_loopback_addresses_are_taken(host):
    with pytest.raises(ControlApiError, match=r"loopback address, such as 127\.0\.0\.1"):
        ControlApi(ChaosProxy("127.0.0.1", 9), host=host)


async def test_localhost_is_an_address_too(proxy):
    async with ControlApi(proxy, host="localhost") as api:
        assert api.url == f"http://127.0.0.1:{api.port}"
        assert (await ask(api, "GET", "/")).status == 200


@pytest.mark.needs("ipv6")
async def test_the_other_family(proxy):
    async with ControlApi(proxy, host="::1") as api:
        assert api.url == f"http://[::1]:{api.port}"
        assert (await ask(api, "GET", "/")).status == 200


# -- life


async def test_a_port_that_is_taken_is_an_os_error(api, proxy):
    with pytest.raises(OSError, match="in use"):
        await ControlApi(proxy, port=api.port).start()


async def test_after_stop_nobody_answers_and_its_thread_is_gone(proxy):
    api = ControlApi(proxy)
    await api.start()
    port = api.port
    await api.stop()
    await api.stop()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_requests_at_once_are_carried_out_one_after_another(api, proxy):
    names = ["3g", "lte", "edge", "2g"] * 5
    answers = await asyncio.gather(*(ask(api, "PUT", "/profile", {"name": name}) for name in names))
    assert [answer.json["profile"] for answer in answers] == names, "each answer is of the moment of its change"


async def test_a_client_that_says_nothing_holds_nobody_up(api):
    with socket.create_connection((api.host, api.port)):
        assert (await ask(api, "GET", "/")).status == 200


async def test_an_unexpected_failure_is_told_and_logged(api, proxy, monkeypatch, caplog):
    def fail():
        raise RuntimeError("out of luck")

    monkeypatch.setattr(proxy, "offline", fail)
    answer = await ask(api, "POST", "/offline")
    assert answer.status == 500
    assert "out of luck" in answer.error
    assert "out of luck" in caplog.text


async def test_a_proxy_that_has_stopped_or_does_not_answer_is_said_to(api, monkeypatch):
    class Loop:
        """One that takes no more work, or takes it and does nothing."""

        def __init__(self, is_closed):
            self.is_closed = lambda: is_closed

        def call_soon_threadsafe(self, step):
            if self.is_closed():
                raise RuntimeError("Event loop is closed")

    monkeypatch.setattr("realtime.network.control_api._PATIENCE_S", 0.05)
    for is_closed, words in ((True, "the proxy has stopped"), (False, "the proxy was busy for 0.05 s: ask again")):
        monkeypatch.setattr(api._server, "loop", Loop(is_closed))
        answer = await ask(api, "GET", "/")
        assert (answer.status, answer.error) == (503, words)
