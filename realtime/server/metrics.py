"""``/metrics``: the server's figures, as Prometheus reads them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from websockets.http11 import Response

from realtime.server.http_responses import bytes_response, text_response
from realtime.server.stats import Counters, Stats

if TYPE_CHECKING:
    from prometheus_client.core import Metric

_ARGUMENT = re.compile(r"^ {4}(\w+): (.*)$", re.MULTILINE)  # of a docstring


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

        what = dict(_ARGUMENT.findall(f"{inspect.getdoc(Counters)}\n{inspect.getdoc(Stats)}"))
        for name in self._stats.__struct_fields__:
            family = CounterMetricFamily if name in Counters.__struct_fields__ else GaugeMetricFamily
            yield family(f"realtime_{name}", what.get(name, ""), value=getattr(self._stats, name))
