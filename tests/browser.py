"""Headless Chromium, for pages that scripts render."""

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.service import Service


@contextmanager
def open_page(path: Path) -> Iterator[webdriver.Chrome]:
    """Yield a page in a browser without network; skip the test if no browser is installed."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not browser or not driver:
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    # only the file loads: a network request is an error in the page's log
    for flag in ("headless=new", "window-size=1250,1300", "proxy-server=127.0.0.1:9"):
        options.add_argument(f"--{flag}")
    if os.geteuid() == 0:
        options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    page = webdriver.Chrome(options=options, service=Service(driver))
    try:
        page.get(path.as_uri())
        yield page
    finally:
        page.quit()


def wait_until(condition: Callable[[], Any], seconds: float = 180) -> Any:
    """Return the first true value of a condition; raise AssertionError if it stays false."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "the condition stayed false"
        time.sleep(0.05)
    return found


def errors(page: webdriver.Chrome) -> list[str]:
    """Return the errors in a page's scripts and requests."""
    return [entry["message"] for entry in page.get_log("browser") if entry["level"] == "SEVERE"]
