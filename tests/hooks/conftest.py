"""Labs that always end."""

import pytest

import realtime.lab
from realtime.server.push.push_service import PushService


@pytest.fixture
def lab():
    """A live lab with two rooms and nobody in it, whose pushes do not wait long for somebody to look."""
    with realtime.lab.start(seed=7, rooms=("lobby", "kitchen"), push=PushService(delay_s=0.05)) as lab:
        yield lab
