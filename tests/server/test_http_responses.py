"""Responses as whole values, with the headers that every one needs."""

import json

from realtime.server.http_responses import json_response, text_response


def test_json():
    response = json_response(200, {"ok": True}, Link="x")
    assert json.loads(response.body) == {"ok": True}
    assert (response.status_code, response.reason_phrase) == (200, "OK")
    assert dict(response.headers.raw_items()) == {
        "Content-Type": "application/json",
        "Content-Length": "11",
        "Connection": "close",
        "Cache-Control": "no-store",
        "Link": "x",
    }


def test_json_that_is_encoded_already():
    assert json_response(200, b"[1]").body == b"[1]"


def test_text():
    response = text_response(405, "no: ü", Allow="GET")
    assert response.body == "no: ü".encode()
    assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert response.headers["Content-Length"] == "6"
    assert response.headers["Allow"] == "GET"
