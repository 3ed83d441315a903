"""A browser on an Odoo that we serve: what takes pictures of it shares this."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

from dev.chromium import FLAGS, chromium

PATIENCE = 30_000  # milliseconds that a page may take
SETTLED = 1_500  # milliseconds for avatars and animations; Odoo's bus never lets the network fall idle


@contextlib.contextmanager
def browser_context(address: str, **options) -> Iterator:
    """A browser context (playwright's) in which the administrator is logged in at ``address``."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        flags = [flag for flag in FLAGS if flag != "--headless"]
        browser = playwright.chromium.launch(executable_path=chromium(), args=flags)
        context = browser.new_context(**options)
        log_in(context, address)
        yield context
        browser.close()


def take_picture(of, path: Path) -> None:
    """Take a picture of a page or a locator, with a palette: a third of the bytes, and no one sees the difference.

    Maximum coverage keeps colours that are rare, the rounds of k-means those of large areas.
    """
    from PIL import Image

    of.screenshot(path=str(path))
    with Image.open(path) as taken:
        light = taken.convert("RGB").quantize(256, Image.Quantize.MAXCOVERAGE, 3, dither=Image.Dither.NONE)
    light.save(path, optimize=True)


def log_in(context, address: str, login: str = "admin", password: str = "") -> None:
    """Log in; the password is the login unless it is given."""
    page = context.new_page()
    page.goto(f"{address}/web/login", timeout=PATIENCE)
    page.fill("input[name=login]", login)
    page.fill("input[name=password]", password or login)
    page.click("button[type=submit]")
    page.wait_for_selector(".o_main_navbar", timeout=PATIENCE)
    page.close()
