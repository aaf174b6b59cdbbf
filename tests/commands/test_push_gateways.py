"""Which push services `realtime serve` has: the lab's always, browsers' and Expo's when they are asked for."""

import argparse
import re
import signal
import stat
import sys

import pytest

from realtime.commands import push_gateways
from realtime.commands.errors import CommandError
from realtime.commands.push_gateways import add_push_arguments, gateways_of
from tests.processes import REALTIME, Child, serving

CONTACT = "mailto:lab@example.org"


def options(*words):
    parser = argparse.ArgumentParser(exit_on_error=False)
    add_push_arguments(parser)
    return parser.parse_args(words)


def test_by_default_there_is_the_labs_own_and_nothing_else():
    assert list(gateways_of(options(), {})) == ["local"]


def test_a_key_is_made_where_there_is_none_for_its_owner_alone_and_stays_the_same(tmp_path):
    path = tmp_path / "new" / "vapid.pem"
    words = ("--web-push", CONTACT, "--vapid-key", str(path))
    first = gateways_of(options(*words), {})["web"].public_key
    assert re.fullmatch(r"[\w-]{87}", first), "65 bytes in base 64"
    if sys.platform != "win32":
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert gateways_of(options(*words), {})["web"].public_key == first
    assert [each.name for each in path.parent.iterdir()] == ["vapid.pem"]


@pytest.mark.parametrize(
    ("content", "words"), [(b"no key", "no VAPID key in PEM"), (b"\xff\x00", "no VAPID key in PEM"), (None, "Is a dir")]
)
def test_a_file_that_has_no_key_is_refused_and_left_alone(tmp_path, content, words):
    path = tmp_path / "vapid.pem"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(CommandError, match=words):
        gateways_of(options("--web-push", CONTACT, "--vapid-key", str(path)), {})
    assert content is None or path.read_bytes() == content


@pytest.mark.parametrize("contact", ["me", "http://example.org", "mailto:", ""])
def test_a_contact_that_push_services_would_not_take_is_refused(contact):
    with pytest.raises((argparse.ArgumentError, SystemExit)):
        options("--web-push", contact)


def test_expo_takes_its_access_token_from_the_environment():
    box = gateways_of(options("--expo-push"), {"EXPO_ACCESS_TOKEN": "s3cret"})["expo"]
    assert box._headers["Authorization"] == "Bearer s3cret"
    assert "Authorization" not in gateways_of(options("--expo-push"), {"EXPO_ACCESS_TOKEN": ""})["expo"]._headers


@pytest.mark.parametrize("words", [("--web-push", CONTACT, "--vapid-key", "x.pem"), ("--expo-push",)])
def test_without_the_extra_it_says_which_one(words, monkeypatch):
    monkeypatch.setattr(push_gateways, "find_spec", lambda name: None)
    with pytest.raises(CommandError, match=r"realtime-lab\[server\]"):
        gateways_of(options(*words), {})


def test_a_key_without_web_push_is_a_mistake():
    with pytest.raises(CommandError, match="--web-push"):
        gateways_of(options("--vapid-key", "x.pem"), {})


async def test_the_server_says_the_key_that_pages_need(tmp_path):
    words = ("--web-push", CONTACT, "--vapid-key", str(tmp_path / "vapid.pem"), "--expo-push")
    async with serving(*words) as served:
        line = await served.process.matching(r"applicationServerKey")
        assert gateways_of(options(*words), {})["web"].public_key in str(getattr(line, "string", line))
        served.process.signal(signal.SIGTERM)
        assert await served.process.ended() == 0


async def test_what_is_wrong_is_one_line(tmp_path):
    (tmp_path / "vapid.pem").write_text("no key")
    words = ["--web-push", CONTACT, "--vapid-key", str(tmp_path / "vapid.pem")]
    async with Child(REALTIME, "serve", "--port", "0", "--store", "memory", *words) as child:
        assert await child.ended() == 1
        [error] = child.errors
        assert error.startswith("realtime serve: ")
