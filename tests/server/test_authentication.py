"""Who a client is: its own word on a developer's machine, a checked token elsewhere."""

import inspect

import pytest

from realtime.server.authentication import AuthenticationFailed, Authenticator
from realtime.server.rooms import Member


def development():
    return Authenticator(None)


async def identified(authenticate, auth):
    found = Authenticator(authenticate).identify(auth, "sid")
    return await found if inspect.isawaitable(found) else found


def test_in_development_a_client_says_who_it_is():
    assert development().identify({"userId": "ana", "deviceId": "phone"}, "sid") == Member("ana", "phone")
    assert development().identify({"userId": "ana", "theme": "dark"}, "sid") == Member("ana", "sid")


@pytest.mark.parametrize("auth", [None, {}, {"userId": None}])
def test_a_stock_client_without_auth_is_named_after_its_session(auth):
    first, again, other = (development().identify(auth, sid).user_id for sid in ("ABCDEFGHI", "ABCDEFGHI", "BCDEFGHIJ"))
    assert first == again == "anonymous-ABCDEFGH"
    assert other == "anonymous-BCDEFGHI"


@pytest.mark.parametrize(
    "auth", [{"userId": 7}, {"userId": ""}, {"userId": "x" * 257}, {"userId": "ana", "deviceId": []}]
)
def test_in_development_nonsense_is_refused_with_the_form_that_is_expected(auth):
    with pytest.raises(AuthenticationFailed, match=r"userId, deviceId\?"):
        development().identify(auth, "sid")


@pytest.mark.parametrize("is_async", [False, True])
async def test_an_authenticator_names_the_user(is_async):
    seen = []

    def check(auth):
        seen.append(auth)
        return "ana"

    async def check_later(auth):
        return check(auth)

    auth = {"token": "t", "deviceId": "phone", "userId": "mallory"}
    assert await identified(check_later if is_async else check, auth) == Member("ana", "phone")
    assert seen == [auth]


@pytest.mark.parametrize("answer", [None, ""])
async def test_no_user_is_no_entry(answer):
    with pytest.raises(AuthenticationFailed, match="not authorized"):
        await identified(lambda auth: answer, {"token": "t"})
    with pytest.raises(AuthenticationFailed, match="not authorized"):
        await identified(lambda auth: answer, None)


async def test_an_authenticator_may_say_why():
    def expired(auth):
        raise AuthenticationFailed("the token has expired", code="expired")

    with pytest.raises(AuthenticationFailed, match="the token has expired") as failed:
        await identified(expired, {})
    assert failed.value.code == "expired"


@pytest.mark.parametrize("is_async", [False, True])
async def test_an_authenticator_that_fails_lets_nobody_in_and_tells_no_secrets(caplog, is_async):
    def fail(auth):
        raise RuntimeError("database password is 1234")

    async def fail_later(auth):
        fail(auth)

    with pytest.raises(AuthenticationFailed) as failed:
        await identified(fail_later if is_async else fail, {})
    assert "1234" not in str(failed.value)
    assert "1234" in caplog.text


async def test_an_answer_that_is_no_user_id_is_the_authenticators_bug(caplog):
    with pytest.raises(AuthenticationFailed):
        await identified(lambda auth: 7, {})
    assert "user id" in caplog.text


async def test_a_device_id_must_be_text_there_too():
    with pytest.raises(AuthenticationFailed, match="deviceId"):
        await identified(lambda auth: "ana", {"deviceId": 7})
