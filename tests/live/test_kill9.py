"""Real processes are killed at random moments; afterwards everybody has every acknowledged message, once."""

import sys

import pytest

from tests.interop.node_packages import NodeMissing, installed_node
from tests.live.kill9 import Plan, run

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL"),
    pytest.mark.slow,
    pytest.mark.node,
    pytest.mark.untraced,
]


@pytest.mark.clause("RT-DLV-2", "RT-DLV-3")
@pytest.mark.timeout(240)
async def test_every_acked_message_is_everywhere_once_though_server_and_clients_are_killed(tmp_path):
    try:
        installed_node()
    except NodeMissing as missing:
        pytest.skip(str(missing))
    verdict = await run(Plan(seed=4, kills=6, pause_s=0.7, folder=tmp_path))
    assert not verdict.violations, verdict
    assert sum(verdict.kills.values()) == 6
    assert verdict.kills["server"] >= 1, "the plan draws the server every other time, and the first time"
    assert verdict.counts["acked"] >= 5, "everybody writes as soon as they are in"
