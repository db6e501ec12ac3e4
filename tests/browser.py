"""Chromium without a screen, for pages that scripts make."""

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
    """A page in a browser that finds no network; skip where there is no browser."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not browser or not driver:
        pytest.skip("chromium and chromedriver are not installed")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    # nothing but the file: what a page asks the network for is an error in its log
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
    """What a condition returns when it is true; AssertionError where it does not come true."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.05)
    return found


def errors(page: webdriver.Chrome) -> list[str]:
    """What went wrong in a page's scripts, or in what it asked for."""
    return [entry["message"] for entry in page.get_log("browser") if entry["level"] == "SEVERE"]
