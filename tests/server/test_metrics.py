"""What a Prometheus server reads."""

import sys

import pytest
from prometheus_client.parser import text_string_to_metric_families

from realtime.server.metrics import metrics_response
from realtime.server.stats import Counters, Stats


def stats(**counters):
    return Stats.of(Counters(**counters), connections=3, sessions=4, rooms=2)


def samples(response):
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=")
    families = list(text_string_to_metric_families(response.body.decode()))
    assert all(family.documentation for family in families)
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_every_figure_is_there():
    values = samples(
        metrics_response(
            stats(
                handshakes_refused=1,
                messages_in=9,
                messages_logged=5,
                duplicates=2,
                refused=3,
                deliveries=40,
                storage_failures=7,
            )
        )
    )
    expected = {
        "realtime_connections": 3,
        "realtime_sessions": 4,
        "realtime_rooms": 2,
        "realtime_handshakes_refused_total": 1,
        "realtime_messages_in_total": 9,
        "realtime_messages_logged_total": 5,
        "realtime_duplicates_total": 2,
        "realtime_refused_total": 3,
        "realtime_deliveries_total": 40,
        "realtime_storage_failures_total": 7,
    }
    assert {name: values.get(name) for name in expected} == expected
    assert len(values) == len(Stats.__struct_fields__)


def test_a_figure_that_is_counted_is_explained():
    response = metrics_response(stats())
    assert b"# HELP realtime_duplicates_total messages and changes that came again" in response.body
    assert b"# TYPE realtime_rooms gauge" in response.body
    assert b"# TYPE realtime_refused_total counter" in response.body


def test_without_the_package_it_is_said_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    response = metrics_response(stats())
    assert response.status_code == 501
    assert b"pip install 'realtime-lab[server]'" in response.body


@pytest.mark.parametrize("field", Stats.__struct_fields__)
def test_each_field_has_a_description(field):
    assert f"realtime_{field}".encode() in metrics_response(stats()).body
