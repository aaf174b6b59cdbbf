"""A room's messages over plain HTTP, for pandas and whoever else reads JSON."""

import asyncio
import io
import json
from urllib.parse import quote

import pandas as pd
import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request

from realtime.server.authentication import AuthenticationFailed, Authenticator
from realtime.server.room_api import MAX_BYTES, RoomApi
from tests.server.fakes import BrokenEngine, LateEngine
from tests.server.rig import Rig


def authenticator(authenticate=None):
    return Authenticator(authenticate)


def get(rig, path="/api/rooms/lobby/messages", *, authenticate=None, method="GET", **headers):
    """The response to a request."""
    api = RoomApi(rig.engine, authenticator(authenticate))
    return asyncio.run(api.answer(Request(path, Headers(headers), method)))


def messages(rig, query="", **options):
    response = get(rig, f"/api/rooms/lobby/messages{query}", **options)
    assert response.status_code == 200, response.body
    assert response.headers["Content-Type"] == "application/json"
    assert int(response.headers["Content-Length"]) == len(response.body)
    return json.loads(response.body)


def ids(rig, query="", **options):
    return [each["messageId"] for each in messages(rig, query, **options)]


def numbered(*numbers):
    return [f"m{n}" for n in numbers]


@pytest.fixture
def rig():
    """The lobby has m1 to m5, then ana edits m2 (offset 6) and reacts to m3 (7)."""
    rig = Rig()
    [ana] = rig.sessions("lobby", "ana")
    for n in range(1, 6):
        rig.write(ana, f"m{n}")
    rig.say(ana, "chat:edit", {"roomId": "lobby", "messageId": "m2", "text": "grüß 👋"})
    rig.say(ana, "chat:reaction", {"roomId": "lobby", "messageId": "m3", "emoji": "👍", "action": "add"})
    return rig


@pytest.mark.clause("RT-CHAT-20")
def test_pandas_reads_one_row_per_message(rig):
    body = get(rig).body.decode()
    frame = pd.read_json(io.StringIO(body))
    assert {"roomId", "messageId", "userId", "text", "timestamp", "offset", "position"} <= set(frame.columns)
    assert frame.messageId.tolist() == numbered(1, 2, 3, 4, 5)
    assert frame.offset.tolist() == [1, 2, 3, 4, 5]
    assert frame.userId.unique().tolist() == ["ana"]
    assert frame.text.tolist() == ["m1", "grüß 👋", "m3", "m4", "m5"]
    assert frame.timestamp.dtype.kind == "M"  # read_json makes times of it
    sent = [each["timestamp"] for each in json.loads(body)]
    assert [int(each.timestamp() * 1000) for each in frame.timestamp] == sent


def test_changes_are_left_out_unless_all_is_asked_for(rig):
    assert ids(rig, "?all=0") == numbered(1, 2, 3, 4, 5)
    entries = messages(rig, "?all=1")
    assert [each["offset"] for each in entries] == [1, 2, 3, 4, 5, 6, 7]
    assert [each.get("event") for each in entries[4:]] == [None, "chat:edit", "chat:reaction"]


def test_an_empty_room_is_an_empty_list(rig):
    assert json.loads(get(rig, "/api/rooms/nobody%20ever/messages").body) == []


def test_pages_in_both_directions(rig):
    assert ids(rig, "?limit=2") == numbered(4, 5)
    assert ids(rig, "?limit=2&before=4") == numbered(2, 3)
    assert ids(rig, "?limit=2&after=0") == numbered(1, 2)
    assert ids(rig, "?after=1&before=4") == numbered(2, 3)
    assert ids(rig, "?after=5") == []
    assert ids(rig, "?after=99") == []
    assert ids(rig, "?before=0") == []


def test_a_link_leads_to_the_next_page(rig):
    first = get(rig, "/api/rooms/lobby/messages?after=0&limit=2&token=secret")
    assert first.headers["Link"] == '</api/rooms/lobby/messages?after=2&limit=2>; rel="next"'
    assert "Link" not in get(rig, "/api/rooms/lobby/messages?after=3&limit=2").headers
    newest = get(rig, "/api/rooms/lobby/messages?limit=2&all=1")
    assert newest.headers["Link"] == '</api/rooms/lobby/messages?before=6&limit=2&all=1>; rel="prev"'
    assert "Link" not in get(rig).headers


def test_what_is_left_out_is_no_end():
    """A page that holds nothing but changes must not look like the end of the log."""
    rig = Rig()
    [ana] = rig.sessions("lobby", "ana")
    rig.write(ana, "m1")
    for n in range(450):
        rig.say(ana, "chat:edit", {"roomId": "lobby", "messageId": "m1", "text": f"{n}"})
    rig.write(ana, "m2")
    assert ids(rig, "?after=1&limit=1") == numbered(2)
    assert ids(rig, "?before=452&limit=1") == numbered(1)
    assert ids(rig) == numbered(1, 2)


@pytest.mark.parametrize("query", ["after={}&limit=7", "before={}&limit=7", "after={}", "before={}"])
def test_reading_until_nothing_comes_reads_everything(query):
    rig = Rig()
    [ana] = rig.sessions("lobby", "ana")
    for n in range(1, 61):
        rig.write(ana, f"m{n}", text="x" * 8000 if n % 2 else "👋" * 8000)
    forward = query.startswith("after")
    found, cursor = [], 0 if forward else 61
    while page := get(rig, f"/api/rooms/lobby/messages?{query.format(cursor)}"):
        entries = json.loads(page.body)
        if not entries:
            break
        assert len(page.body) <= MAX_BYTES
        cursor = entries[-1 if forward else 0]["offset"]
        offsets = [each["offset"] for each in entries]
        found = found + offsets if forward else offsets + found
    assert found == list(range(1, 61))


@pytest.mark.parametrize("room", ["a/b", "ä ö", "100%", "?x=1", "..", "a+b"])
def test_any_room_can_be_named(room):
    rig = Rig()
    [ana] = rig.sessions(room, "ana")
    rig.write(ana, "m1", room=room)
    response = get(rig, f"/api/rooms/{quote(room, safe='')}/messages")
    assert [each["roomId"] for each in json.loads(response.body)] == [room]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/api/rooms/lobby/messages?limit=0", "limit must be 1 to 1000"),
        ("/api/rooms/lobby/messages?limit=1001", "limit must be 1 to 1000"),
        ("/api/rooms/lobby/messages?limit=ten", "limit"),
        ("/api/rooms/lobby/messages?limit=", "limit"),
        ("/api/rooms/lobby/messages?after=-1", "after"),
        ("/api/rooms/lobby/messages?after=1.5", "after"),
        ("/api/rooms/lobby/messages?after=%D9%A3", "after"),  # a digit, and no number that JSON knows
        (f"/api/rooms/lobby/messages?before={2**53}", "before"),
        (f"/api/rooms/lobby/messages?before={'9' * 5000}", "before"),
        ("/api/rooms/lobby/messages?after=1&after=2", "after is given twice"),
        ("/api/rooms/lobby/messages?all=yes", "all must be 1 or 0"),
        ("/api/rooms/lobby/messages?limt=5", "there is no parameter 'limt'"),
        ("/api/rooms//messages", "room"),
        (f"/api/rooms/{'x' * 257}/messages", "room"),
        ("/api/rooms/%ff/messages", "room"),
    ],
)
def test_bad_parameters_are_refused_by_name(rig, path, words):
    response = get(rig, path)
    assert response.status_code == 400
    assert words in response.body.decode()


@pytest.mark.parametrize(
    "path", ["/api/rooms/lobby", "/api/rooms/", "/api/rooms/a/b/messages", "/api/rooms/a/messages/"]
)
def test_any_other_address_is_told_what_is_here(rig, path):
    response = get(rig, path)
    assert response.status_code == 404
    assert b"/api/rooms/<room>/messages" in response.body


def test_only_get_and_head_are_answered(rig):
    response = get(rig, method="POST")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")


def test_an_engine_that_fails_is_answered_for():
    response = get(Rig(BrokenEngine()))
    assert response.status_code == 503
    assert b"the disk is full" in response.body


def test_an_engine_that_answers_late_is_waited_for():
    engine = LateEngine(Rig().engine)
    api = RoomApi(engine, authenticator())

    async def run():
        task = asyncio.create_task(api.answer(Request("/api/rooms/lobby/messages", Headers(), "GET")))
        while not engine.waiting:
            await asyncio.sleep(0)
        assert not task.done()
        engine.settle()
        return await task

    assert asyncio.run(run()).status_code == 200


def checks_token(auth):
    """Lets ana in; what else happens to tokens in the world happens to others."""
    match auth["token"]:
        case "secret":
            return "ana"
        case "old":
            raise AuthenticationFailed("this token has expired")
        case "bug":
            raise RuntimeError("oops")
    return None


async def checks_token_later(auth):
    await asyncio.sleep(0)
    return checks_token(auth)


@pytest.mark.parametrize("authenticate", [checks_token, checks_token_later])
class TestWithAuthentication:
    def test_a_token_in_the_header_or_the_address_lets_in(self, rig, authenticate):
        assert len(messages(rig, authenticate=authenticate, Authorization="Bearer secret")) == 5
        assert len(messages(rig, authenticate=authenticate, authorization="bearer secret")) == 5
        assert len(messages(rig, "?token=secret&limit=2", authenticate=authenticate)) == 2

    @pytest.mark.parametrize(
        ("query", "headers"),
        [("", {}), ("?token=", {}), ("", {"Authorization": "Basic c2VjcmV0"}), ("", {"Authorization": "Bearer"})],
    )
    def test_without_a_token_it_is_said_how_to_send_one(self, rig, authenticate, query, headers):
        response = get(rig, f"/api/rooms/lobby/messages{query}", authenticate=authenticate, **headers)
        assert response.status_code == 401
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
        assert b"Authorization: Bearer" in response.body
        assert b"?token=" in response.body

    @pytest.mark.parametrize(("token", "words"), [("wrong", b"not authorized"), ("old", b"this token has expired")])
    def test_a_token_that_is_refused_is_401_with_the_reason(self, rig, authenticate, token, words):
        response = get(rig, authenticate=authenticate, Authorization=f"Bearer {token}")
        assert response.status_code == 401
        assert words in response.body

    def test_an_authenticator_that_fails_is_the_servers_fault(self, rig, authenticate):
        response = get(rig, authenticate=authenticate, Authorization="Bearer bug")
        assert response.status_code == 500
        assert b"oops" not in response.body

    def test_who_may_not_read_is_not_told_what_is_wrong_with_the_question(self, rig, authenticate):
        assert get(rig, "/api/rooms/lobby/messages?limit=0", authenticate=authenticate).status_code == 401


def test_pages_of_other_origins_read_only_what_a_token_protects(rig):
    """In development mode any page that the developer looks at could otherwise read the rooms."""
    assert "Access-Control-Allow-Origin" not in get(rig).headers
    response = get(rig, authenticate=checks_token, Authorization="Bearer secret")
    assert response.headers["Access-Control-Allow-Origin"] == "*"
