"""Chaos under every Python that this project supports: one seed, one run.

``python -m tests.lab.scenarios.interpreters [SEED]`` prints the hashes under each interpreter that this machine has;
exit status 1 if they differ. Each gets an environment of its own with the packages at the versions of this one.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
VERSIONS = ("3.11", "3.12", "3.13")
PACKAGES = ("websockets", "msgspec", "pyee", "gpxpy", "shapely")

CODE = """
import json
import sys
from realtime.sim.seed_run import Settings, run_seed
result = run_seed("realtime.lab.scenarios.chaos:main", int(sys.argv[1]), Settings(is_shuffled=True))
print(json.dumps([result.hash, result.timing_hash]))
"""


def interpreters():
    """Version -> an interpreter that runs, for those that this machine has beside the present one."""
    own = "{}.{}".format(*sys.version_info)
    found = {}
    for wanted in VERSIONS:
        pyenv = sorted(Path.home().glob(f".pyenv/versions/{wanted}.*/bin/python"))
        on_path = shutil.which(f"python{wanted}")
        for candidate in [*pyenv, *([] if on_path is None else [Path(on_path)])]:
            shown = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
            if wanted != own and shown.returncode == 0 and shown.stdout.split()[1].startswith(wanted + "."):
                found[wanted] = candidate
                break
    return found


def environment(python, folder):
    """A virtual environment with what the simulated world needs; its interpreter."""
    uv = [sys.executable, "-m", "uv", "--quiet"]
    subprocess.run([*uv, "venv", "--python", python, folder], check=True)
    own = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    packages = [f"{name}=={version(name)}" for name in PACKAGES]
    subprocess.run([*uv, "pip", "install", "--python", own, *packages], check=True)
    return own


def hashes(python, seed, *, hash_seed="0"):
    """Of chaos with a seed, shuffled, in a process of this interpreter."""
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COV")}
    done = subprocess.run(
        [python, "-c", CODE, str(seed)],
        cwd=ROOT,
        env={**unmeasured, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT), "HTTP_PROXY": "http://nowhere:1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(done.stderr)
    return json.loads(done.stdout)


def main(seed=0):
    """Print the hashes under each interpreter; whether they are the same."""
    found = {"{}.{}".format(*sys.version_info): hashes(sys.executable, seed)}
    with tempfile.TemporaryDirectory() as folder:
        for name, python in interpreters().items():
            try:
                own = environment(python, Path(folder) / name)
            except subprocess.CalledProcessError:
                print(f"Python {name}: its packages could not be installed")
            else:
                found[name] = hashes(own, seed, hash_seed="4242")
    for name, pair in sorted(found.items()):
        print(f"Python {name}: {' '.join(pair)}")
    return len({tuple(pair) for pair in found.values()}) == 1


if __name__ == "__main__":
    sys.exit(not main(*map(int, sys.argv[1:])))
