"""``/metrics``: the server's figures, as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from websockets.http11 import Response

from realtime.server.http_responses import bytes_response, text_response
from realtime.server.stats import Counters, Stats

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_WHAT = {
    "connections": "WebSocket connections",
    "sessions": "users on devices, in all namespaces",
    "rooms": "rooms with somebody in them",
    "handshakes": "WebSocket handshakes that were accepted",
    "handshakes_refused": "handshakes that came too many at a time",
    "messages_in": "events received",
    "messages_logged": "chat messages that got an offset",
    "changes_logged": "edits, deletions and reactions that got an offset",
    "duplicates": "messages and changes that came again and were answered as the first time",
    "refused": "events answered with a refusal",
    "storage_failures": "messages and changes that the engine could not store",
    "deliveries": "frames of broadcasts handed to a receiver",
    "volatile_dropped": "volatile frames that a lagging receiver was spared",
    "ended_too_slow": "connections ended because the receiver did not keep up",
    "bad_packets": "connections ended over a packet that the protocol forbids",
}


def metrics_response(stats: Stats) -> Response:
    """The figures of one moment; 501 where the package that writes them is not installed."""
    try:
        from prometheus_client import CollectorRegistry
        from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
    except ImportError:
        words = "This server has no metrics: it needs prometheus-client. Do: pip install 'realtime-lab[server]'\n"
        return text_response(501, words)
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Snapshot(stats))
    return bytes_response(200, CONTENT_TYPE_PLAIN_0_0_4, generate_latest(registry))


class _Snapshot:
    """What a registry asks for metrics."""

    def __init__(self, stats: Stats) -> None:
        self._stats = stats

    def collect(self) -> Iterator[Metric]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        for name in self._stats.__struct_fields__:
            family = CounterMetricFamily if name in Counters.__struct_fields__ else GaugeMetricFamily
            yield family(f"realtime_{name}", _WHAT.get(name, name), value=getattr(self._stats, name))
