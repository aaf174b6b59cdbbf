"""A browser for the tests is found, or fetched by the first way that works."""

from tests.browser import chromium


def test_the_first_browser_on_the_path_is_taken(monkeypatch):
    monkeypatch.setattr(
        chromium.shutil, "which", lambda name: f"/usr/bin/{name}" if name == "chromium-browser" else None
    )
    assert chromium.find_chromium() == "/usr/bin/chromium-browser"


def test_fetching_tries_playwright_first_and_says_so(monkeypatch, capsys):
    ran = []
    found = iter([None, "/home/ana/.cache/ms-playwright/chromium"])
    monkeypatch.setattr(chromium, "find_chromium", lambda: next(found))
    monkeypatch.setattr(chromium, "_succeeds", lambda command: ran.append(command) or True)
    assert chromium.main() == 0
    assert ran[0][-2:] == ["install", "chromium"]
    assert "Playwright" in capsys.readouterr().out


def test_where_that_is_refused_root_gets_debians_package(monkeypatch, capsys):
    ran = []
    found = iter([None, "/usr/bin/chromium"])
    monkeypatch.setattr(chromium, "find_chromium", lambda: next(found))
    monkeypatch.setattr(chromium.os, "geteuid", lambda: 0)
    monkeypatch.setattr(chromium.shutil, "which", lambda name: "/usr/bin/apt-get")
    monkeypatch.setattr(chromium, "_succeeds", lambda command: ran.append(command) or "apt-get" in command[0])
    assert chromium.main() == 0
    assert ran[-1][:3] == ["apt-get", "install", "-y"]
    assert "Debian" in capsys.readouterr().out


def test_without_any_way_the_user_is_told_what_is_skipped(monkeypatch, capsys):
    monkeypatch.setattr(chromium, "find_chromium", lambda: None)
    monkeypatch.setattr(chromium.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(chromium, "_succeeds", lambda command: False)
    monkeypatch.delenv("CI", raising=False)
    assert chromium.main() == 0
    assert "browser tests will be skipped" in capsys.readouterr().out
    monkeypatch.setenv("CI", "true")
    assert chromium.main() == 1
