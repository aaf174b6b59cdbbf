"""What the tests of engines share."""

import pytest

from tests.server.engine.rig import ENGINES


@pytest.fixture(params=ENGINES)
def rig(request):
    """A started engine of each kind."""
    with ENGINES[request.param]() as rig:
        yield rig
