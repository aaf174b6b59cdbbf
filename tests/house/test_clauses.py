"""Every behaviour that a notebook documents has a test, and every test cites a documented behaviour."""

import ast
import functools
import json
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CLAUSE = re.compile(r"^\s*[-*]?\s*`?\**(RT-[A-Z]+-\d+)\**`?\s+\S", re.MULTILINE)


@functools.cache
def documented() -> dict[str, str]:
    """Clause id -> the notebook that documents it; an id belongs to one notebook."""
    where: dict[str, str] = {}
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        for cell in json.loads(path.read_text())["cells"]:
            if cell["cell_type"] != "markdown":
                continue
            for clause in CLAUSE.findall("".join(cell["source"])):
                assert clause not in where, f"{clause} stands in {where[clause]} and in {path.name}"
                where[clause] = path.name
    return where


@functools.cache
def cited() -> dict[str, set[str]]:
    """Clause id -> the tests marked with it."""
    where: dict[str, set[str]] = {}
    for path in sorted((ROOT / "tests").rglob("test_*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "clause"):
                continue
            for argument in node.args:
                where.setdefault(ast.literal_eval(argument), set()).add(path.name)
    return where


def test_there_are_clauses():
    assert len(documented()) >= 10


def test_every_documented_clause_has_a_test():
    assert not set(documented()) - set(cited())


def test_every_cited_clause_is_documented():
    assert not {clause: tests for clause, tests in cited().items() if clause not in documented()}
