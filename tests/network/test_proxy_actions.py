"""What one may ask of a running proxy by name: checked first, then carried out."""

import json
import random

import pytest

from realtime.network.link import MS
from realtime.network.profiles import load_profiles, profile
from realtime.network.proxy import ChaosProxy
from realtime.network.proxy_actions import ACTIONS, ActionError, action, offered_profiles, state_of

QUEUE_KB, QUEUE_UP_KB = (each.queue_bytes / 1000 for each in (profile("lte").down, profile("lte").up))


@pytest.fixture
def proxy():
    """A proxy that is not started: conditions and faults hold from the start on."""
    return ChaosProxy("127.0.0.1", 9, profile="lte", rng=random.Random(1))


def do(proxy, name, given=None):
    action(name, given)(proxy)
    return state_of(proxy)


def test_the_state_is_plain_json_and_complete(proxy):
    state = state_of(proxy)
    assert json.loads(json.dumps(state)) == state
    assert list(state) == [
        "listen",
        "upstream",
        "label",
        "profile",
        "trace",
        "state",
        "conditions",
        "stats",
        "sample",
    ]
    assert state["listen"] == "127.0.0.1:0"
    assert state["upstream"] == "127.0.0.1:9"
    assert (state["label"], state["profile"], state["trace"], state["state"]) == ("lte", "lte", None, "online")
    assert state["conditions"] == {
        "down": {"rate_kbps": 50_000.0, "delay_ms": 50.0, "jitter_ms": 0.0, "loss": 0.0, "queue_kb": QUEUE_KB},
        "up": {"rate_kbps": 10_000.0, "delay_ms": 65.0, "jitter_ms": 0.0, "loss": 0.0, "queue_kb": QUEUE_UP_KB},
    }
    assert state["stats"] == {
        "connections": 0,
        "accepted": 0,
        "bytes_up": 0,
        "bytes_down": 0,
        "drops_up": 0,
        "drops_down": 0,
    }
    assert state["sample"] == {
        "down_rate_kbps": 50_000.0,
        "up_rate_kbps": 10_000.0,
        "rtt_ms": 115.0,
        "down_loss": 0.0,
        "up_loss": 0.0,
        "is_down": False,
        "radio": state["sample"]["radio"],
        "radio_on_s": 0.0,
        "down_backlog_bytes": 0,
        "up_backlog_bytes": 0,
    }
    assert state["sample"]["radio"] in ("idle", "active")


def test_every_profile_is_offered_with_its_figures_and_its_source():
    offered = {entry["name"]: entry for entry in offered_profiles()}
    assert list(offered) == list(load_profiles())
    lte = offered["lte"]
    assert json.loads(json.dumps(lte)) == lte
    assert (lte["title"], lte["rtt_ms"]) == ("LTE", 115.0)
    assert lte["source"] == profile("lte").source
    assert (lte["down"]["rate_kbps"], lte["up"]["delay_ms"]) == (50_000.0, 65.0)


def test_a_profile_is_chosen_by_name_and_left_by_null(proxy):
    assert do(proxy, "profile", {"name": "3g"})["profile"] == "3g"
    assert proxy.profile == profile("3g")
    state = do(proxy, "profile", {"name": None})
    assert (state["label"], state["profile"]) == ("unlimited", None)
    assert state["conditions"]["down"]["rate_kbps"] is None


def test_single_figures_of_both_directions_change_together_and_the_rest_stays(proxy):
    state = do(proxy, "conditions", {"down": {"rate_kbps": 64, "loss": 0.02}, "up": {"delay_ms": 300}})
    assert (state["label"], state["profile"]) == ("custom", None)
    assert state["conditions"]["down"] == {
        "rate_kbps": 64.0,
        "delay_ms": 50.0,
        "jitter_ms": 0.0,
        "loss": 0.02,
        "queue_kb": QUEUE_KB,
    }
    assert state["conditions"]["up"]["delay_ms"] == 300.0
    assert state["conditions"]["up"]["rate_kbps"] == 10_000.0
    assert proxy.conditions("up").delay_ns == 300 * MS


@pytest.mark.parametrize(
    ("there", "state", "back"),
    [
        ("offline", "offline", "online"),
        ("unplug", "unplugged", "replug"),
        ("hold", "held", "release"),
        ("partition", "partitioned", "repair"),
    ],
)
def test_each_fault_has_its_state_and_its_way_back(proxy, there, state, back):
    assert do(proxy, there)["state"] == state
    assert do(proxy, back)["state"] == "online"


def test_a_partition_may_be_one_way(proxy):
    assert do(proxy, "partition", {"direction": "up"})["state"] == "partitioned"
    assert proxy.access.up.down is not None
    assert proxy.access.down.down is None
    assert do(proxy, "repair")["state"] == "online"
    assert proxy.access.up.down is None


@pytest.mark.parametrize("name", ["reset", "nat-expire", "change-address"])
def test_what_happens_once_leaves_no_state(proxy, name):
    assert do(proxy, name)["state"] == "online"


async def test_an_outage_has_a_length():
    async with ChaosProxy("127.0.0.1", 9, rng=random.Random(1)) as proxy:
        assert do(proxy, "outage", {"for_s": 60})["state"] == "outage"


def test_a_trace_is_followed_and_left(proxy, tmp_path):
    """A mahimahi file: one line per packet of 1500 bytes that may leave in this millisecond."""
    path = tmp_path / "one.mahi"
    path.write_text("".join(f"{ms}\n" for ms in range(10, 1001, 10)))
    state = do(proxy, "trace", {"path": str(path)})
    assert state["trace"] == proxy.access.trace.name
    assert state["label"] == proxy.label == proxy.access.trace.name
    assert json.loads(json.dumps(state)) == state
    assert do(proxy, "trace", {"path": None})["trace"] is None


WRONG = [
    ("profile", {"name": "9g"}, "no profile '9g'"),
    ("profile", {}, "profile takes name: Object missing required field `name`"),
    ("profile", {"name": 4}, r"Expected `str \| null`, got `int` - at `\$.name`"),
    ("profile", ["3g"], "profile takes name: Expected `object`"),
    ("conditions", {}, "give at least one figure of down or up"),
    ("conditions", {"down": {}}, "give at least one figure"),
    ("conditions", {"sideways": {}}, "conditions takes down, up: .*`sideways`"),
    ("conditions", {"down": 5}, "Expected `object`, got `int` - at `\\$.down`"),
    ("conditions", {"down": {"delay": 5}}, "down: there is no 'delay'; there are rate_kbps"),
    ("conditions", {"down": {"loss": 0.5}, "up": {"loss": 5}}, "up: loss is a fraction between 0 and 1, not 5"),
    ("outage", {}, "outage takes for_s: .*missing required field `for_s`"),
    ("outage", {"for_s": 0}, r"outage takes for_s: .*`\$.for_s`"),
    ("outage", {"for_s": "8"}, r"outage takes for_s: .*`\$.for_s`"),
    ("outage", {"for_s": 1e308}, "outage: for_s is a number of seconds above 0, at most 1e\\+09, not 1e\\+308"),
    ("partition", {"direction": "left"}, "partition takes direction: .*'left'"),
    ("trace", {"path": "no/such.mahi"}, "cannot read no/such.mahi: No such file"),
    ("trace", {"path": "a\0b"}, "null byte"),
    ("offline", {"for_s": 3}, "offline takes nothing: .*`for_s`"),
    ("dance", None, "there is no 'dance'; there are profile, conditions, trace, offline, online, unplug"),
]


@pytest.mark.parametrize(("name", "given", "words"), WRONG)
def test_what_is_wrong_is_refused_with_a_hint_and_changes_nothing(proxy, name, given, words):
    before = state_of(proxy)
    with pytest.raises(ActionError, match=words):
        do(proxy, name, given)
    assert state_of(proxy) == before


def test_every_action_is_known():
    assert tuple(ACTIONS) == (
        "profile",
        "conditions",
        "trace",
        "offline",
        "online",
        "unplug",
        "replug",
        "outage",
        "partition",
        "repair",
        "hold",
        "release",
        "nat-expire",
        "change-address",
        "reset",
    )
