"""The frames of a recorder: tidy, with units in the names of their columns, and the same types whatever is in them.

``t_s`` is in seconds since the beginning of the lab or the run, ``at`` and other columns in ``at`` are moments of the
wall clock. A run in the simulated world has a wall clock of its own, the same in every run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

COLUMNS: dict[str, dict[str, str | None]] = {
    "timeline": {"t_s": "float", "at": "ms", "phone": None, "event": None, "detail": None}
    | {"room": None, "message_id": None},
    "messages": {"phone": None, "room": None, "message_id": None, "user": None, "text": None, "status": None}
    | {"sent_s": "float", "acked_s": "float", "sent_at": "ms", "delivered_at": "ms", "latency_s": "float"}
    | {"offset": "Int64"},
    "deliveries": {"phone": None, "room": None, "message_id": None, "user": None}
    | {"sent_s": "float", "t_s": "float", "at": "ms", "latency_s": "float", "offset": "Int64"},
    "report": {"room": None, "message_id": None, "sender": None, "text": None, "status": None}
    | {"expected": "int", "delivered": "int", "missing": "int", "duplicates": "int"},
    "states": {"phone": None, "t_s": "float", "at": "ms", "state": None},
    "positions": {"phone": None, "user": None, "t_s": "float", "at": "ms"}
    | {"latitude_deg": "float", "longitude_deg": "float", "accuracy_m": "float"}
    | {"speed_mps": "float", "heading_deg": "float", "measured_at": "ms"},
    "presence": {"phone": None, "t_s": "float", "at": "ms", "room": None, "event": None, "user": None}
    | {"device": None, "status": None, "text": None},
    "notifications": {"phone": None, "t_s": "float", "at": "ms", "event": None, "id": None, "title": None}
    | {"room": None, "priority": None},
    "link_samples": {"phone": None, "t_s": "float", "at": "ms"}
    | {"rtt_ms": "float", "up_bps": "float", "down_bps": "float"}
    | {"state": None, "queued": "int", "unacked": "int"},
    "links": {"phone": None, "t_s": "float", "at": "ms", "up_rate_bps": "Int64", "down_rate_bps": "Int64"}
    | {"rtt_ms": "float", "up_loss": "float", "down_loss": "float", "is_down": "bool"}
    | {"radio": None, "radio_on_s": "float", "up_backlog_bytes": "int", "down_backlog_bytes": "int"},
    "radio": {"phone": None, "t_s": "float", "radio_on_s": "float"},
}
"""The columns of each table, with the types that pandas does not find by itself."""


def frame(table: str, rows: Sequence[tuple[Any, ...]]) -> pd.DataFrame:
    """Rows as a frame.

    Args:
        table: a key of :data:`COLUMNS`.
        rows: values in the order of its columns; a moment is in milliseconds since the Unix epoch.
    """
    import pandas as pd  # takes half a second, and only people who look at records need it

    columns = COLUMNS[table]
    made = pd.DataFrame(list(rows), columns=list(columns))
    for name, kind in columns.items():
        if kind == "ms":
            made[name] = pd.to_datetime(made[name], unit="ms", utc=True).astype("datetime64[ms, UTC]")
        else:
            dtype: Any = kind or "object"
            made[name] = made[name].astype(dtype)
    return made
