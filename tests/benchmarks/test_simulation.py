"""The benchmark of the simulation runs, counts, and names its goals; how fast the machine is does not matter."""

import dataclasses

import pytest

from tests.benchmarks.simulation import Figures, layer_of, layers, run, table


@pytest.mark.parametrize("kind", ["sockets", "phones"])
def test_every_message_reaches_the_nine_others_of_its_room(kind):
    """Ten phones, one minute, a message every 10 s each: six or seven from each, but for the last on their way."""
    figures = run(kind, clients=10, minutes=1.0, seed=3)
    assert 60 <= figures.sent <= 70
    assert 9 * (figures.sent - 10) <= figures.delivered <= 9 * figures.sent
    assert figures.hash == run(kind, clients=10, minutes=1.0, seed=3).hash


def test_the_layers_have_the_whole_time_among_them():
    shares = dict(layers("phones", clients=4, minutes=0.5))
    assert sum(shares.values()) == pytest.approx(1)
    assert {"link", "tcp", "sim loop", "websockets", "protocol", "client", "chat", "server", "stdlib"} <= set(shares)


@pytest.mark.parametrize(
    ("file", "layer"),
    [
        ("/repo/realtime/network/tcp_endpoint.py", "tcp"),
        ("/repo/realtime/network/link.py", "link"),
        ("/venv/site-packages/websockets/frames.py", "websockets"),
        ("/usr/lib/python3.11/asyncio/events.py", "stdlib"),
        ("<string>", "stdlib"),
    ],
)
def test_a_layer_is_known_by_its_path(file, layer):
    assert layer_of(file) == layer


def test_figures_and_the_verdict_on_them():
    figures = Figures("phones", 100, 60.0, 36_000, 324_000, 12.0, 8.1, 90.0, "h")
    assert figures.client_hours_per_s == pytest.approx(100 / 8.1)
    assert figures.us_per_delivery == pytest.approx(25.0)
    told = dataclasses.asdict(figures) | {
        "client_hours_per_s": figures.client_hours_per_s,
        "calibration_s": [0.5, 0.6],
        "layers": {"tcp": 0.75, "link": 0.25},
        "text": str(figures),
    }
    shown = table([told, told | {"client_hours_per_s": 9.9, "peak_megabytes": 200.0}])
    for words in ("12.35 client-hours/s", "25 µs per", "tcp 75%, link 25%", "0.50 s before", "client-hours/s: yes"):
        assert words in shown
    assert "client-hours/s: no; under 200 MB: no" in shown
