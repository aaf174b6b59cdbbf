"""How much processor time a process has used, by the kernel's account."""

import os
from pathlib import Path

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """Processor time of all threads of a process so far, the ended ones included.

    Threads that live are counted to the nanosecond; the whole process, and so what ended threads used, only to the
    clock tick (10 ms as a rule), so ended ones are added only where they show beyond a tick.
    """
    live_s = sum(int(task.read_text().split()[0]) for task in Path(f"/proc/{pid}/task").glob("*/schedstat")) / 1e9
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    whole_s = (int(fields[11]) + int(fields[12])) / _TICKS_PER_S  # utime and stime, proc(5)
    return whole_s if whole_s - live_s > 0.05 else live_s
