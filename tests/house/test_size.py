"""No source file grows past what one can hold in mind."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LIMIT = 500


def test_no_source_file_is_over_500_lines():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    sources = [
        ROOT / name
        for name in tracked
        if name.endswith((".py", ".js", ".css", ".cjs", ".mjs")) and (ROOT / name).exists()
    ]
    assert len(sources) > 10
    too_long = {str(path.relative_to(ROOT)): n for path in sources if (n := path.read_text().count("\n")) > LIMIT}
    assert not too_long
