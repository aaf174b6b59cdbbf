"""A test of what this machine does not have is skipped; under continuous integration there is no such test."""

import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests import machine
from tests.conftest import pytest_collection_modifyitems


class Item:
    """A collected test."""

    path = Path("tests/test_disk.py")

    def __init__(self, *needs):
        self.marks = [pytest.mark.needs(*needs).mark]
        self.skipped = []

    def iter_markers(self, name):
        return [mark for mark in self.marks if mark.name == name]

    def add_marker(self, mark):
        self.skipped.append(mark.kwargs["reason"])


@pytest.fixture
def collected(monkeypatch):
    """What becomes of tests on a machine that cannot mount: reasons to skip those that stay, and those left out."""

    def collected(*items, ci):
        for name, is_here in {"mount": False, "ipv6": True}.items():
            monkeypatch.setitem(machine.NEEDS, name, (lambda is_here=is_here: is_here, f"there is no {name}"))
        monkeypatch.setenv("CI", "true" if ci else "")
        kept, left_out = [*items], []
        hook = SimpleNamespace(pytest_deselected=lambda items: left_out.extend(items))
        pytest_collection_modifyitems(SimpleNamespace(hook=hook), kept)
        return kept, left_out

    return collected


def test_what_a_machine_lacks_is_skipped(collected):
    plain, network, disk, both = items = [Item(), Item("ipv6"), Item("mount"), Item("ipv6", "mount")]
    assert collected(*items, ci=False) == (items, [])
    assert plain.skipped == network.skipped == []
    assert disk.skipped == both.skipped == ["there is no mount"]


def test_under_continuous_integration_it_is_not_there(collected):
    plain, network, disk, both = items = [Item(), Item("ipv6"), Item("mount"), Item("ipv6", "mount")]
    assert collected(*items, ci=True) == ([plain, network], [disk, both])
    assert not any(item.skipped for item in items)


def test_a_need_that_is_not_known_is_a_mistake(collected):
    with pytest.raises(KeyError, match="moon"):
        collected(Item("moon"), ci=True)


def test_a_machine_is_tried_not_guessed(monkeypatch):
    def refuse(*_, **__):
        raise OSError("Address family not supported by protocol")

    monkeypatch.setattr(socket, "create_server", refuse)
    monkeypatch.setattr(machine.shutil, "which", lambda _: None)
    assert not machine.has_ipv6.__wrapped__()
    assert not machine.can_mount.__wrapped__()
