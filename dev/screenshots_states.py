"""Pictures of the widget in each of its states, on a copy of the demo (part of `make screenshots`)."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import xmlrpc.client
from collections.abc import Callable, Iterator
from typing import NamedTuple

from dev import databases, npm
from dev.browser import PATIENCE, SETTLED, browser_context, log_in, take_picture
from dev.databases import own
from dev.demo import existing
from dev.paths import ROOT, RUN
from dev.process import follow
from dev.say import Problem, step
from dev.server import odoo_server

FOLDER = ROOT / "docs" / "images" / "widget"
DESK, PHONE = (1400, 1000), (390, 844)
PANEL = ".o_lead_score_panel"
RELATED = "div[name=lead_related_scores]"
DATABASE = "demo_states"
LIST = "my-open-leads-scored"
RTLCSS = {"rtlcss": "4.3.0"}  # Odoo mirrors its styles with it


class State(NamedTuple):
    """Open the form of ``lead`` (or a path), do ``steps``, wait for ``shows``, and take what matches ``crop``."""

    name: str
    lead: str
    shows: str
    steps: tuple[Callable, ...] = ()
    crop: str = PANEL
    size: tuple = DESK
    login: str = "admin"


def click(selector: str) -> Callable:
    return lambda page: page.locator(selector).first.click(timeout=PATIENCE)


def fill(selector: str, text: str) -> Callable:
    return lambda page: page.fill(selector, text, timeout=PATIENCE)


def tab(section: str) -> Callable:
    return click(f"{PANEL} [role=tab][data-section={section}]")


def offline(page) -> None:
    page.wait_for_selector(".o_lead_score_reasons li", timeout=PATIENCE)
    page.context.set_offline(True)


def taken_away(page) -> None:
    """The administrator gives the lead that is open to another person."""
    page.wait_for_selector(".o_lead_score_reasons li", timeout=PATIENCE)
    address, _, place = page.url.partition("/odoo/")
    database = own(DATABASE)
    uid = xmlrpc.client.ServerProxy(f"{address}/xmlrpc/2/common").authenticate(database, "admin", "admin", {})
    values = [[int(place.rpartition("/")[2])], {"user_id": uid}]
    xmlrpc.client.ServerProxy(f"{address}/xmlrpc/2/object").execute_kw(
        database, uid, "admin", "crm.lead", "write", values
    )


LIVE = (
    State("scored", "scored", ".o_lead_score_reasons li"),
    State("all_reasons", "scored", ".o_lead_score_all tfoot", (click(".o_lead_score_toggle_all"),)),
    State("proposals", "callable", ".o_lead_score_proposals li", (tab("proposals"),)),
    State("no_proposals", "scored", ".o_lead_score_proposals", (tab("proposals"),)),
    State("story", "story", ".o_lead_score_story canvas", (tab("story"),)),
    State("feedback", "scored", ".o_lead_score_feedback textarea", (click(".o_lead_score_chat"),)),
    State(
        "feedback_sent",
        "scored",
        ".o_lead_score_my_feedback",
        (
            click(".o_lead_score_chat"),
            fill(".o_lead_score_expected", "60"),
            fill(".o_lead_score_feedback textarea", "They have just signed with somebody else."),
            click(".o_lead_score_feedback button[type=submit]"),
        ),
    ),
    State("related_lead_scores", "scored", f"{RELATED} .badge", crop=RELATED),
    State("not_scored", "unscored", f"{PANEL} .o_lead_score_message"),
    State("new", "/crm/new", f"{PANEL}[data-status=new]"),
    State("won", "won", f"{PANEL} .o_lead_score_message, .o_lead_score_reasons li"),
    State("lost", "lost", f"{PANEL} .o_lead_score_message, .o_lead_score_reasons li"),
    State("phone", "scored", PANEL, (click(f"{PANEL} .o_lead_score_fold"),), size=PHONE),
    State("popover", f"/{LIST}", ".o_lead_score_popover li", (click(".o_lead_score_why"),), ".o_lead_score_popover"),
    State("popover_phone", f"/{LIST}", ".o_lead_score_popover li", (click(".o_lead_score_why"),), "body", PHONE),
    State("offline", "scored", ".o_lead_score_section button", (offline, tab("story"))),
    State("no_rights", "given", ".o_lead_score_problem", (taken_away, tab("story")), login="reader"),
)
# Odoo's own words are Arabic here; the addon's are not translated.
ARABIC = (
    State("arabic", "scored", ".o_lead_score_reasons li", crop="body"),
    State("arabic_list", f"/{LIST}", ".o_data_row .o_lead_score_trend", crop="body"),
)
RUNNING = (State("running", "scored", ".o_lead_score_message"),)
STOPPED = (State("out_of_date", "outdated", ".o_lead_score_reasons li"),)
GROUPS = {"live": LIVE, "arabic": ARABIC, "run": RUNNING, "stop": STOPPED}


def states(port: int) -> int:
    """Take each picture; return how many."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    _mirror()
    database = own(DATABASE)
    databases.drop(database)
    databases.copy(existing(), database)
    try:
        for what, pictures in GROUPS.items():
            with step(f"Bringing leads into the states of the widget: {what}"):
                leads = _prepare(database, what)
            _take_all(database, port, pictures, leads)
    finally:
        databases.drop(database)
    return sum(map(len, GROUPS.values()))


def _mirror() -> None:
    """Let Odoo find what mirrors its styles for languages that are read from right to left."""
    program = npm.modules("rtlcss", RTLCSS) / ".bin"
    os.environ["PATH"] = os.pathsep.join([os.environ["PATH"], str(program), str(npm.node().parent)])


def _prepare(database: str, what: str) -> dict[str, int]:
    code, last = follow([sys.executable, "-m", "dev.states_child", database, what], lambda line: None)
    if code:
        raise Problem(f"the states of the widget could not be made: {last[-1:]}")
    return json.loads(last[-1])


def _take_all(database: str, port: int, pictures: tuple[State, ...], leads: dict[str, int]) -> None:
    address = f"http://127.0.0.1:{port}"
    with (
        odoo_server(database, port, "127.0.0.1", RUN / "log" / "odoo-states.log", cron=False),
        browser_context(address) as context,
    ):
        for state in pictures:
            with step(f"Taking widget/{state.name}"):
                path = state.lead if state.lead.startswith("/") else f"/crm/{leads[state.lead]}"
                with _logged_in(context, address, state.login) as reader:
                    _take(reader, f"{address}/odoo{path}", state)


@contextlib.contextmanager
def _logged_in(context, address: str, login: str) -> Iterator:
    """The administrator's context, or one in which another user is logged in."""
    if login == "admin":
        yield context
        return
    other = context.browser.new_context()
    log_in(other, address, login)
    yield other
    other.close()


def _take(context, url: str, state: State) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": state.size[0], "height": state.size[1]})
    page.goto(url, timeout=PATIENCE)
    for do in state.steps:
        do(page)
    page.wait_for_selector(state.shows, timeout=PATIENCE)
    page.wait_for_timeout(SETTLED)
    take_picture(page.locator(state.crop).first, FOLDER / f"{state.name}.png")
    context.set_offline(False)
    page.close()
