"""One JupyterLab server and one Chromium for all browser tests; a fresh page for each."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.browser import chromium
from tests.browser.jupyter import CHROMIUM_ARGS, Notebook, Server, jupyterlab, open_jupyterlab

SCREENSHOTS = Path(__file__).parent / "screenshots"
SIZE = {"width": 1280, "height": 1000}

expect.set_options(timeout=20_000)  # milliseconds; a busy machine may take longer than Playwright's 5 s


def pytest_collection_modifyitems(items):
    for item in items:
        if "jupyterlab_page" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.browser)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(120))  # the first one starts JupyterLab


# "package": Playwright's loop must not outlive the browser tests, or the async tests of other folders could not start.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    path = chromium.find_chromium()
    if path is None:
        pytest.skip(chromium.MISSING)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture
def stage(browser) -> Iterator[Callable[..., Page]]:
    """``stage(script)`` is a page of its own with nothing but this: a widget's script without JupyterLab."""
    context = browser.new_context()

    def show(script: str) -> Page:
        page = context.new_page()
        page.add_script_tag(content=f"{{ {script} }}")
        return page

    yield show
    context.close()


@pytest.fixture(scope="package")
def server(browser) -> Iterator[Server]:
    with jupyterlab() as server:
        yield server


@pytest.fixture(scope="package")
def jupyterlab_page(browser, server) -> Iterator[Page]:
    """JupyterLab, loaded once: that takes longer than most tests."""
    context = browser.new_context(viewport=SIZE, device_scale_factor=2, reduced_motion="reduce")
    page = context.new_page()
    page.set_default_timeout(15_000)
    page.complaints = []
    page.on("console", lambda m: page.complaints.append(f"{m.type}: {m.text}") if m.type == "error" else None)
    page.on("pageerror", lambda error: page.complaints.append(f"uncaught: {error}"))
    open_jupyterlab(page, server)
    yield page
    context.close()


@pytest.fixture
def page(jupyterlab_page) -> Page:
    """The page; what its console complained of during the test is in ``page.complaints``."""
    jupyterlab_page.complaints.clear()
    return jupyterlab_page


@pytest.fixture(scope="module")
def module_notebook(request, jupyterlab_page, server) -> Iterator[Notebook]:
    """A notebook whose first cell is the test module's ``SETUP``; one kernel for the module."""
    name = server.write(f"{request.module.__name__.split('.')[-1]}.ipynb", request.module.SETUP, "")
    notebook = Notebook(jupyterlab_page, name)
    yield notebook
    notebook.close()


@pytest.fixture
def notebook(module_notebook, page) -> Notebook:
    """The module's notebook with its widget shown anew; ``notebook.do(code)`` runs code beside it."""
    module_notebook.do("")
    module_notebook.run(0)
    return module_notebook


@pytest.fixture
def shoot() -> Callable[..., None]:
    """``shoot(notebook, name=what, …)`` saves pictures in both themes, for people to look at."""
    SCREENSHOTS.mkdir(exist_ok=True)

    def take(notebook: Notebook, **pictures: Locator) -> None:
        for theme in ("Dark", "Light"):
            notebook.theme(theme)
            for name, what in pictures.items():
                what.screenshot(path=SCREENSHOTS / f"{name}-{theme.lower()}.png")

    return take
