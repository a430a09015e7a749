"""Notebook 03 in JupyterLab in a real browser: run, a slider moved, Play pressed, the page read.

Needs Chromium or Chrome; never downloads one. ``CHATLAB_SCREENSHOT`` names a file for a picture of
the card as it waits for the next attempt.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Locator, Page

pytestmark = pytest.mark.slow

NOTEBOOK: Final = Path(__file__).parents[2] / "notebooks" / "03_live_replay.ipynb"
BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome")
QUIET: Final = (
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
)
SETTINGS: Final = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none"},
}
"""No question about news over the page, and every cell in it."""

DROPPED: Final = "The answer to"
ANSWER: Final = "The answer to everything is 42."
HOSTILE: Final = (
    "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
)
BUTTONS: Final = ("Play", "Pause", "Step")
RUN_S: Final = 60
"""How long the whole notebook may take on a busy machine."""


@pytest.fixture
def browser() -> str:
    """The browser to drive. Without one the test fails in CI, and is skipped elsewhere."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found and importlib.util.find_spec("playwright"):
        return found
    told = f"needs {' or '.join(BROWSERS)} on the PATH (Debian: apt-get install chromium)"
    if found:
        told = "needs Playwright: pip install -e '.[test]'"
    if os.environ.get("CI"):
        pytest.fail(f"the browser test {told}")
    pytest.skip(told)


@dataclass(frozen=True)
class Lab:
    """A JupyterLab server on a folder that holds a copy of the notebook, without its outputs."""

    url: str

    @property
    def address(self) -> str:
        return f"{self.url}doc/tree/{NOTEBOOK.name}?token=browser-test"


@pytest.fixture
def lab(browser: str, tmp_path: Path) -> Iterator[Lab]:
    """Start a server that reads nothing and writes nothing outside its own folders."""
    folder, runtime = tmp_path / "notebooks", tmp_path / "runtime"
    for path in (folder, runtime):
        path.mkdir()
    (folder / NOTEBOOK.name).write_text(json.dumps(_stripped(NOTEBOOK)), encoding="utf-8")
    shutil.copytree(NOTEBOOK.parent / "pictures", folder / "pictures")
    for name, values in SETTINGS.items():
        file = tmp_path / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(values))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = {
        "ServerApp.ip": "127.0.0.1",
        "ServerApp.port": port,
        "ServerApp.root_dir": folder,
        "ServerApp.allow_root": True,
        "ServerApp.open_browser": False,
        "IdentityProvider.token": "browser-test",
        "LabApp.extension_manager": "readonly",
    }
    own = {
        "JUPYTER_CONFIG_DIR": tmp_path / "config",
        "JUPYTER_DATA_DIR": tmp_path / "data",
        "JUPYTER_RUNTIME_DIR": runtime,
        "JUPYTERLAB_SETTINGS_DIR": tmp_path / "settings",
        "JUPYTERLAB_WORKSPACES_DIR": tmp_path / "workspaces",
        "IPYTHONDIR": tmp_path / "ipython",
    }
    log = tmp_path / "server.log"
    with log.open("wb") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "jupyterlab", *(f"--{k}={v}" for k, v in options.items())],
            env=os.environ | {name: str(value) for name, value in own.items()},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        yield Lab(_url_of(server, runtime, log))
    finally:
        server.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            server.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGKILL)
        server.wait(10)


def _stripped(notebook: Path) -> dict[str, Any]:
    """The notebook without what its committed run left, so that only this run can be seen."""
    content: dict[str, Any] = json.loads(notebook.read_text(encoding="utf-8"))
    for cell in content["cells"]:
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    return content


def _url_of(server: subprocess.Popen[bytes], runtime: Path, log: Path) -> str:
    """The address that the server writes down once it listens."""
    for _ in range(300):
        for file in runtime.glob("jpserver-*.json"):
            with suppress(ValueError):
                return str(json.loads(file.read_text())["url"])
        if server.poll() is not None:
            break
        time.sleep(0.1)
    pytest.fail(f"JupyterLab did not start:\n{log.read_text()[-2000:]}")


@pytest.fixture
def page(browser: str, lab: Lab) -> Iterator[Page]:
    """The notebook, open in the browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        chromium = driver.chromium.launch(executable_path=browser, args=list(QUIET))
        page = chromium.new_page(viewport={"width": 1000, "height": 900}, device_scale_factor=2)
        page.set_default_timeout(30_000)
        page.goto(lab.address)
        yield page
        chromium.close()


def run_all(page: Page) -> None:
    """Run the notebook from its first cell, and wait until every cell has run."""
    page.locator(".jp-MarkdownCell h1").first.wait_for()
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()
    page.wait_for_function(
        """() => {
            const cells = [...document.querySelectorAll('.jp-CodeCell .jp-InputArea-prompt')];
            return cells.length > 10 && cells.every(one => /^\\[\\d+\\]:$/.test(one.textContent));
        }""",
        timeout=RUN_S * 1000,
    )


def move_slider(card: Locator, key: str) -> str:
    """Move the slider for the speed by a key, as a person would; the speed that it then shows."""
    handle = card.locator(".noUi-handle").first
    handle.focus()
    handle.press(key)
    return card.locator(".widget-readout").first.inner_text()


def test_a_person_watches_a_turn_fail_wait_and_recover(page: Page, tmp_path: Path) -> None:
    """The countdown runs down, the failed attempt's text is struck out, and the answer stands."""
    from playwright.sync_api import expect

    expect.set_options(timeout=20_000)
    run_all(page)
    cards = page.locator(".jp-OutputArea-output .widget-vbox").filter(has_text="Play")
    card = cards.first
    card.scroll_into_view_if_needed()
    expect(card).to_contain_text("event 20 of 20")
    assert move_slider(card, "ArrowLeft") == "0.5×"
    answer = card.locator(":scope > .widget-html").nth(2)
    play, pause, step = (card.get_by_role("button", name=name) for name in BUTTONS)

    play.click()
    timer = card.get_by_role("timer")
    expect(timer).to_contain_text("of 7 s")
    first = _left_s(timer)
    page.wait_for_timeout(700)
    assert 7 >= first > _left_s(timer) > 0

    pause.click()
    for event in range(4, 11):
        step.click()
        expect(card).to_contain_text(f"event {event} of 20")
    play.click()
    page.wait_for_function(
        """() => {
            const timer = document.querySelector('.widget-vbox [role=timer]');
            return timer && /in [01]\\.[0-6] s of 2 s$/.test(timer.textContent);
        }"""
    )
    pause.click()
    expect(answer).to_contain_text("Dropped: this attempt's text does not count")
    struck = answer.locator("del")
    assert struck.inner_text() == DROPPED
    assert "line-through" in struck.evaluate("one => getComputedStyle(one).textDecorationLine")
    expect(card.get_by_role("status")).to_contain_text("Retrying · Overloaded")
    expect(timer).to_contain_text("of 2 s")
    card.screenshot(path=os.environ.get("CHATLAB_SCREENSHOT") or tmp_path / "live-turn.png")

    move_slider(card, "End")
    play.click()
    expect(card.get_by_role("status")).to_contain_text("Completed")
    expect(answer).to_have_text(f"Committed{ANSWER}")
    assert answer.locator("del").count() == 0
    expect(timer).to_have_count(0)

    expect(cards.nth(1)).to_contain_text(HOSTILE)
    assert page.locator(".widget-vbox img, .widget-vbox script").count() == 0
    assert "owned" not in page.title()


def _left_s(timer: Locator) -> float:
    """The seconds in ``Next attempt in 5.2 s of 7 s``."""
    return float(timer.inner_text().removeprefix("Next attempt in ").split(" ")[0])
