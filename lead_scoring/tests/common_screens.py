import contextlib
import json
import time
from datetime import timedelta
from unittest.mock import patch
from urllib.parse import urljoin

from odoo import fields
from odoo.tests import HttpCase
from odoo.tests.common import ChromeBrowser
from odoo.tools import SQL

from .common import LeadScoringCommon

PATIENCE = 20  # seconds


class ScoredScreens(HttpCase, LeadScoringCommon):
    """Leads of sam, scored, of which some moved; and what looks at them in a browser."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls._trained()
        cls._take_live(cls.model)
        # Two referred leads were cold a week ago, one cold lead was a referral: they moved.
        rising, falling = cls.hot[:2], cls.cool[:1]
        rising.source_id, falling.source_id = cls.cold, cls.referral
        cls._score()
        cls.env.cr.execute(
            SQL("UPDATE crm_lead_score_history SET date = %s", fields.Datetime.now() - timedelta(days=8))
        )
        rising.source_id, falling.source_id = cls.referral, cls.cold
        cls._score()
        (cls.hot | cls.cool).user_id = cls.sam
        cls.model.grade_ids[0].min_score = min(cls.hot.mapped("lead_score"))
        # The best lead of the list is to be one that rose.
        cls.hot[2:].unlink()

    @contextlib.contextmanager
    def looking(self, path, shows, login=None, size="1366x768", dark=False):
        """A page of a real browser that has opened ``path`` and shows what the selector ``shows`` matches."""
        self.browser_size = size
        scheme = patch.object(type(self.env["ir.http"]), "color_scheme", lambda _: "dark" if dark else "light")
        login = login or self.sam.login
        with scheme, contextlib.ExitStack() as at_end:
            browser = ChromeBrowser(self)
            at_end.callback(browser.stop)
            at_end.enter_context(self.allow_requests(browser=browser))
            at_end.callback(self._wait_remaining_requests)
            self.authenticate(login, login, browser=browser)
            self.cr.flush()
            self.cr.clear()
            browser.navigate_to(urljoin(self.base_url(), path), wait_stop=True)
            page = Page(browser)
            page.wait(shows)
            # What is half way through a transition has the colours of neither end.
            page.do(
                "document.head.append(Object.assign(document.createElement('style'), "
                "{textContent: '*, ::before, ::after {transition: none !important; animation: none !important}'}))"
            )
            yield page


class Page:
    """A page in Odoo's test browser, driven from Python, so that a test can compare what it sees."""

    def __init__(self, browser):
        self.browser = browser

    def do(self, script):
        """Run an expression of JavaScript; return its value, awaited if it is a promise."""
        answer = self.browser._websocket_request(
            "Runtime.evaluate",
            params={"expression": script, "awaitPromise": True, "returnByValue": True},
            timeout=PATIENCE,
        )
        if problem := answer.get("exceptionDetails"):
            raise AssertionError(problem.get("exception", problem).get("description", problem))
        return answer["result"].get("value")

    def call(self, function, *arguments):
        """Call a function of JavaScript."""
        return self.do(f"({function})({', '.join(map(json.dumps, arguments))})")

    def wait(self, selector):
        """Wait until something that is seen matches the selector."""
        until = time.monotonic() + PATIENCE
        while not self.call("selector => Boolean(document.querySelector(selector)?.offsetParent)", selector):
            if time.monotonic() > until:
                raise AssertionError(f"{selector} is not shown")
            time.sleep(0.05)

    def click(self, selector, then=None):
        """Click the first thing that matches, and wait for what matches ``then``."""
        self.wait(selector)
        self.call("selector => document.querySelector(selector).click()", selector)
        if then:
            self.wait(then)

    def press_tab(self):
        """Press the tabulator key, as the keyboard does."""
        key = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
        for kind in ("rawKeyDown", "keyUp"):
            self.browser._websocket_request("Input.dispatchKeyEvent", params={"type": kind, **key})
