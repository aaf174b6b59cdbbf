"""Which tests there are depends on whether there are recorded traces.

Where the folder is absent they skip and say so. Under continuous integration a skipped test is a failed one, and a
fresh clone may have no such folder: there they are not collected.
"""

import os

from tests.network.recorded import REAL

if os.environ.get("CI") == "true" and not REAL.is_dir():
    collect_ignore = ["test_profiles_radio.py", "test_traces_real.py"]
