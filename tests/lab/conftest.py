"""Labs that always end."""

import pytest

import realtime.lab
from realtime.lab.background import BackgroundLoop


@pytest.fixture
def background():
    """A loop of the test's own."""
    loop = BackgroundLoop("test-loop")
    yield loop
    loop.stop()


@pytest.fixture
def lab():
    """A live lab, with a server and nobody in it."""
    with realtime.lab.start(seed=7) as lab:
        yield lab
