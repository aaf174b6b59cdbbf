"""The built wheel works where nothing else of ours is: another folder, an empty environment."""

import subprocess
import sys
import venv
import zipfile
from pathlib import Path

import pytest

pytestmark = pytest.mark.untraced

ROOT = Path(__file__).resolve().parents[2]

CHECK = """
import realtime
from realtime.network.profiles import load_profiles
from realtime.utils.share import share_path

assert "site-packages" in realtime.__file__, realtime.__file__
assert "lte" in load_profiles()
assert (share_path("notebooks") / "00_tour.ipynb").is_file()
try:
    import widgets
except ImportError as error:
    assert "realtime-lab[lab]" in str(error), error
else:
    raise AssertionError("the widgets need an extra that is not installed here")
print("ok")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built once from the checkout."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--outdir", folder, ROOT], check=True, capture_output=True
    )
    [path] = folder.glob("*.whl")
    return path


def test_the_wheel_holds_scripts_styles_data_and_notebooks(wheel):
    names = set(zipfile.ZipFile(wheel).namelist())
    for path in [*(ROOT / "widgets" / "static").iterdir()]:
        assert f"widgets/static/{path.name}" in names
    tracked = subprocess.run(
        ["git", "ls-files", "data", "notebooks"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    for name in tracked.stdout.split():
        assert f"realtime/_share/{name}" in names
    assert not any("tests/" in name or "__pycache__" in name for name in names)
    assert {"realtime/py.typed", "widgets/py.typed"} <= names


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_wheel_works_in_an_empty_environment(wheel, tmp_path):
    venv.create(tmp_path / "env")
    scripts = tmp_path / "env" / ("Scripts" if sys.platform == "win32" else "bin")
    python = scripts / "python"
    install = [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", python, wheel]
    subprocess.run(install, check=True, capture_output=True, cwd=tmp_path)
    done = subprocess.run([python, "-I", "-c", CHECK], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "ok\n", done.stderr
    doctor = subprocess.run([scripts / "realtime", "doctor"], capture_output=True, text=True, cwd=tmp_path)
    assert doctor.returncode == 0, doctor.stderr
    assert "pip install 'realtime-lab[lab]'" in doctor.stdout
