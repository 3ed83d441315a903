"""Pictures of the docs, taken from the demo in a real browser (`make screenshots`)."""

from __future__ import annotations

import shutil
from typing import NamedTuple

from dev.browser import PATIENCE, SETTLED, browser_context, take_picture
from dev.databases import prepared
from dev.demo import existing, update
from dev.paths import ADDON, ROOT, RUN
from dev.ports import need_port
from dev.say import say, step
from dev.screenshots_states import states
from dev.server import odoo_server

FOLDER = ROOT / "docs" / "images"
# What the Apps page shows, too.
APPS_PAGE = ADDON / "static" / "description"
SHIPPED = ("my_open_leads_scored", "lead_form")


class Picture(NamedTuple):
    """What to show: open ``path``, wait for ``shows``, click ``click`` and wait for ``then`` if given."""

    name: str
    path: str
    shows: str
    click: str = ""
    then: str = ""
    size: tuple = (1400, 800)


PICTURES = (
    Picture("my_open_leads_scored", "my-open-leads-scored", ".o_data_row .o_lead_score_trend"),
    Picture("my_open_leads_scored_phone", "my-open-leads-scored", ".o_kanban_record [data-trend]", size=(390, 844)),
    Picture(
        "lead_form",
        "my-open-leads-scored",
        ".o_data_row",
        ".o_data_row td[name=name]",
        ".o_lead_score_reasons li",
    ),
    Picture("feedback", "lead-score-feedback", ".o_view_nocontent, .o_data_row", size=(1400, 600)),
    Picture(
        "scoring_model",
        "lead-scoring-models",
        ".o_data_row",
        ".o_data_row td[name=name]",
        ".o_field_widget[name=grade_ids] .o_data_row",
        (1400, 1000),
    ),
    Picture(
        "report", "lead-scoring-versions", ".o_data_row", ".o_data_row td[name=display_name]", "canvas", (1400, 1500)
    ),
    Picture("scoring_configuration", "lead-scoring-configuration", ".o_view_nocontent, .o_data_row", size=(1400, 600)),
)


def screenshots(_arguments: list[str]) -> None:
    """Serve the demo database and take each picture of PICTURES; then those of the widget's states."""
    port = need_port()
    address = f"http://127.0.0.1:{port}"
    FOLDER.mkdir(parents=True, exist_ok=True)
    with prepared("demo"):
        update(existing())
        with (
            odoo_server(existing(), port, "127.0.0.1", RUN / "log" / "odoo.log", cron=False),
            browser_context(address) as context,
        ):
            for number, picture in enumerate(PICTURES):
                with step(f"Taking {picture.name} ({number + 1} of {len(PICTURES)})"):
                    _take(context, address, picture)
                    if picture.name in SHIPPED:
                        shutil.copy(FOLDER / f"{picture.name}.png", APPS_PAGE)
        of_states = states(port)
    say(f"{len(PICTURES)} pictures and {of_states} of the widget's states are in {FOLDER.relative_to(ROOT)}.")


def _take(context, address: str, picture: Picture) -> None:
    page = context.new_page()
    page.set_viewport_size({"width": picture.size[0], "height": picture.size[1]})
    page.goto(f"{address}/odoo/{picture.path}", timeout=PATIENCE)
    page.wait_for_selector(picture.shows, timeout=PATIENCE)
    if picture.click:
        page.click(picture.click)
        page.wait_for_selector(picture.then, timeout=PATIENCE)
    page.wait_for_timeout(SETTLED)
    take_picture(page, FOLDER / f"{picture.name}.png")
    page.close()
