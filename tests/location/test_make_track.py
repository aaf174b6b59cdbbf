"""The tram ride is what its script makes."""

import subprocess
import sys

from realtime.utils.share import share_path


def test_the_script_makes_the_file_that_is_kept(tmp_path):
    made = tmp_path / "tram.gpx"
    subprocess.run([sys.executable, share_path("data") / "make_track.py", made], check=True)
    kept = share_path("data") / "tracks" / "tram.gpx"
    assert made.read_bytes() == kept.read_bytes()
    assert kept.stat().st_size < 40_000
