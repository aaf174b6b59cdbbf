"""Web Push over real HTTP: what arrives is decrypted with the subscription's private key, as a browser does."""

import base64
import json
import random

import http_ece
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from py_vapid import Vapid02

from realtime.server.push.gateway import DELIVERED, Gone, Parcel, Push, PushToken, Rejected, TryAgain
from realtime.server.push.web_push_gateway import WebPushGateway
from realtime.utils.ambient import installed, wall_time_s
from tests.server.push.http_endpoint import http_endpoint


def text(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def point(key):
    return key.public_key().public_bytes(serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint)


class Browser:
    """A subscription, with the keys that only the browser has."""

    def __init__(self):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.auth = b"sixteen bytes ok"

    def token(self, endpoint):
        keys = {"p256dh": text(point(self.key)), "auth": text(self.auth)}
        return PushToken("ana", "browser", "web", json.dumps({"endpoint": endpoint, "keys": keys}))

    def decrypt(self, body):
        return json.loads(http_ece.decrypt(body, private_key=self.key, auth_secret=self.auth, version="aes128gcm"))


@pytest.fixture(scope="module")
def vapid():
    keys = Vapid02()
    keys.generate_keys()
    return keys


def gateway(vapid):
    key = vapid.private_pem().decode()
    return WebPushGateway(key, subject="mailto:lab@example.org", allow=lambda endpoint: True)


@pytest.mark.clause("RT-PUSH-12")
async def test_what_is_sent_is_encrypted_signed_and_has_its_headers(vapid):
    browser = Browser()
    async with http_endpoint(lambda request: (201, {}, b"")) as (address, requests):
        box = gateway(vapid)
        push = Push(
            id="m1", title="ben", body="hé", room_id="lobby", collapse_key="room:lobby", is_urgent=True, ttl_s=60.5
        )
        assert await box.send([Parcel(push, browser.token(f"{address}/send/secret"))]) == [DELIVERED]
        await box.close()
    [request] = requests
    assert browser.decrypt(request.body) == push.to_wire()
    assert b"ben" not in request.body
    headers = request.headers
    assert (request.method, request.path) == ("POST", "/send/secret")
    assert (headers["content-encoding"], headers["ttl"], headers["urgency"]) == ("aes128gcm", "60", "high")
    assert len(headers["topic"]) <= 32, "RFC 8030, 5.4"
    assert set(headers["topic"]) <= set(text(bytes(range(256))) + "-_")
    scheme, _, values = headers["authorization"].partition(" ")
    parts = dict(value.strip().split("=", 1) for value in values.split(","))
    assert (scheme, parts["k"]) == ("vapid", box.public_key)
    claims = json.loads(base64.urlsafe_b64decode(parts["t"].split(".")[1] + "=="))
    assert (claims["aud"], claims["sub"]) == (address, "mailto:lab@example.org")
    assert 0 < claims["exp"] - wall_time_s() <= 86_400, "RFC 8292, 2: at most a day"
    assert Vapid02.verify(headers["authorization"])


async def test_each_answer_has_its_meaning(vapid):
    answers = {"/ok": (201, {}), "/gone": (410, {}), "/busy": (429, {"Retry-After": "7"}), "/large": (413, {})}
    async with http_endpoint(lambda request: (*answers[request.path], b"")) as (address, _):
        box = gateway(vapid)
        push, browser = Push(id="m1", title="t"), Browser()
        outcomes = await box.send([Parcel(push, browser.token(address + path)) for path in answers])
        await box.close()
    assert [type(each) for each in outcomes] == [type(DELIVERED), Gone, TryAgain, Rejected]
    assert outcomes[2].after_s == 7.0


async def test_a_service_that_is_not_there_may_be_there_later(vapid, unused_tcp_port):
    box = gateway(vapid)
    [outcome] = await box.send(
        [Parcel(Push(id="m", title="t"), Browser().token(f"http://127.0.0.1:{unused_tcp_port}/x"))]
    )
    await box.close()
    assert outcome == TryAgain("ConnectError")


async def test_a_message_is_made_to_fit_into_four_kilobytes(vapid):
    browser = Browser()
    async with http_endpoint(lambda request: (201, {}, b"")) as (address, requests):
        box = gateway(vapid)
        ids = [f"{n:03}" * 80 for n in range(32)]
        push = Push(id="m1", title="t", body="b", data={"messageIds": ids, "url": "room/lobby"})
        await box.send([Parcel(push, browser.token(address))])
        await box.close()
    data = browser.decrypt(requests[0].body)["data"]
    assert len(requests[0].body) <= 4096
    assert data["url"] == "room/lobby"
    assert data["messageIds"] == ids[-len(data["messageIds"]) :], "the newest are kept"


@pytest.mark.parametrize(
    "token",
    [
        "no json",
        "{}",
        '{"endpoint": "https://push.example/x"}',
        '{"endpoint": "https://push.example/x", "keys": {"p256dh": "AA", "auth": "AA"}}',
    ],
)
def test_what_is_no_subscription_is_refused(vapid, token):
    assert "subscription" in gateway(vapid).check(token)


def test_keys_that_nobody_can_encrypt_for_are_refused(vapid):
    off_the_curve = text(b"\x04" + bytes(64))
    keys = {"p256dh": off_the_curve, "auth": text(bytes(16))}
    assert "p256dh" in gateway(vapid).check(json.dumps({"endpoint": "https://push.example/x", "keys": keys}))


async def test_one_bad_subscription_or_answer_does_not_touch_the_others(vapid):
    def answer(request):
        return 201, {"Content-Encoding": "gzip"} if request.path == "/odd" else {}, b"not gzip"

    browser = Browser()
    keys = {"p256dh": text(b"\x04" + bytes(64)), "auth": text(bytes(16))}
    async with http_endpoint(answer) as (address, requests):
        box = gateway(vapid)
        bad = PushToken("eve", "browser", "web", json.dumps({"endpoint": address, "keys": keys}))
        tokens = [browser.token(f"{address}/1"), bad, browser.token(f"{address}/odd"), browser.token(f"{address}/2")]
        outcomes = await box.send([Parcel(Push(id="m1", title="t"), token) for token in tokens])
        await box.close()
    assert [type(each) for each in outcomes] == [type(DELIVERED), Rejected, TryAgain, type(DELIVERED)]
    assert sorted(request.path for request in requests) == ["/1", "/2", "/odd"]


def test_a_signature_is_made_anew_when_the_clock_was_wrong_and_old_ones_are_not_kept(vapid):
    box = gateway(vapid)

    def exp(now_s):
        with installed(wall_clock=lambda: now_s, source=random.Random(0)):
            token = box._signature("https://push.example/x")["Authorization"].split("t=")[1].split(",")[0]
        return json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))["exp"]

    two_days = 2 * 86_400
    assert exp(1_800_000_000 + two_days) > exp(1_800_000_000) <= 1_800_000_000 + 86_400
    for n in range(2000):
        box._signature(f"https://push{n}.example/x")
    assert len(box._signed) <= 1000


@pytest.mark.clause("RT-PUSH-12")
@pytest.mark.parametrize(
    ("endpoint", "is_fine"),
    [
        ("https://fcm.googleapis.com/fcm/send/x", True),
        ("https://updates.push.services.mozilla.com/wpush/v2/x", True),
        ("http://push.example/x", False),
        ("https://127.0.0.1/x", False),
        ("https://localhost/x", False),
        ("https://[::1]/x", False),
        ("https://10.0.0.8:8443/x", False),
        ("https://intranet/x", False),
        ("https://user@push.example/x", False),
        ("https://127.1/x", False),
        ("https://0x7f.0.0.1/x", False),
        ("https://localhost./x", False),
        ("https://any.localhost/x", False),
        ("https://[::1", False),
        ("https://push.example:99999/x", False),
    ],
)
def test_a_client_cannot_make_the_server_ask_its_own_network(vapid, endpoint, is_fine):
    box = WebPushGateway(vapid.private_pem().decode(), subject="mailto:lab@example.org")
    assert (box.check(Browser().token(endpoint).token) is None) == is_fine
