"""The walk of a new administrator, from a database without leads, by menus alone (`make walk`).

Everything is done in a real browser as a person would, with the scheduled actions running; nothing is written past the
screens. A step that does not show what it should ends the walk, and so does an error in Odoo's log or on a page. The
pictures are those of ``docs/first_steps.md``.
"""

from __future__ import annotations

import contextlib
import csv
import re
import time
from pathlib import Path

from dev import databases
from dev.browser import PATIENCE, SETTLED, browser_context, take_picture
from dev.databases import fresh_copy, own, prepared
from dev.demo_job import shipped_plan
from dev.paths import ROOT, RUN
from dev.ports import need_port
from dev.say import Problem, say, step
from dev.server import odoo_server

FOLDER = ROOT / "docs" / "images" / "walk"
SIZE = {"width": 1400, "height": 800}
HEAVIEST = 200_000  # bytes of a picture
BACKGROUND = 240  # seconds that what runs in the background may take here
N_CLOSED, N_OPEN = 1500, 150  # of the shipped leads, the newest
# The pointer of Odoo's own onboarding would lie on what is to be pressed, and on the pictures.
NO_POINTER = """document.addEventListener("DOMContentLoaded", () => document.head.append(Object.assign(
    document.createElement("style"), {textContent: ".o_tour_pointer {display: none}"})))"""
IS_LIVE = ".o_statusbar_status .o_arrow_button_current:text-is('Live')"
TAGS = ("marital", "education", "housing", "loan")  # columns of the shipped leads that become tags


def walk(_arguments: list[str]) -> None:
    """Walk on a database of its own, which is dropped at the end."""
    port = need_port()
    log = RUN / "log" / "odoo.log"
    with prepared("demo"):
        database = fresh_copy("lead_scoring", own("walk"))
        try:
            with odoo_server(database, port, "127.0.0.1", log):
                taken = _walk(f"http://127.0.0.1:{port}")
            _need_clean(log)
        finally:
            databases.drop(database)
    say(f"{taken} pictures are in {FOLDER.relative_to(ROOT)}.")


def _walk(address: str) -> int:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for old in FOLDER.glob("*.png"):
        old.unlink()
    with browser_context(address, viewport=SIZE) as context:
        page = context.new_page()
        page.set_default_timeout(PATIENCE)
        walker = Walker(page)
        page.goto(f"{address}/odoo")
        for part in PARTS:
            with step(part.__doc__.strip().rstrip(".")):
                walker.do(part)
        if walker.errors:
            raise Problem(f"the browser told of an error: {walker.errors[0][:300]}")
        return walker.taken


def _need_clean(log: Path) -> None:
    """Nothing went wrong unseen: Odoo's log has no error."""
    bad = errors_in(log.read_text(errors="replace"))
    if bad:
        raise Problem(f"Odoo's log tells of {len(bad)} errors, first {' '.join(bad[0].split())[:300]} (log: {log})")


def errors_in(log: str) -> list[str]:
    """Entries of Odoo's log that are errors.

    Not among them: Discuss marks its channel as read from two requests at once, which Odoo itself tries again.
    """
    entries = re.split(r"^(?=\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} )", log, flags=re.M)
    bad = [entry for entry in entries if re.match(r"\S+ \S+ \d+ (ERROR|CRITICAL) ", entry)]
    return [entry for entry in bad if not ("discuss_channel_member" in entry and "could not serialize" in entry)]


# ---------------------------------------------------------------- the leads


def _write_leads() -> tuple[Path, Path]:
    """Two files as a person has them: closed leads with their outcome, and open ones."""
    plan = shipped_plan()
    columns = {planned.column.name: planned.values for planned in plan.columns}
    closed = [row for row in range(plan.n_leads) if not plan.is_open[row]][-N_CLOSED:]
    opened = [row for row in range(plan.n_leads) if plan.is_open[row]][-N_OPEN:]
    paths = RUN / "closed_leads.csv", RUN / "open_leads.csv"
    for path, rows in zip(paths, (closed, opened)):
        with path.open("w", newline="") as file:
            writer = csv.writer(file)
            outcome = ["Stage", "Active", "Probability"] if rows is closed else []
            writer.writerow(["Opportunity", "Job Position", "Medium", "Source", "Tags", *outcome])
            for row in rows:
                writer.writerow([*_cells(plan, columns, row), *(_outcome(plan.won[row]) if outcome else [])])
    return paths


def _cells(plan, columns, row):
    words = {"housing": "Has housing loan", "loan": "Has personal loan"}
    tags = [words.get(name, columns[name][row]) for name in TAGS if columns[name][row]]
    fields = [columns[name][row] or "" for name in ("job", "contact", "poutcome")]
    return [plan.names[row], *fields, ",".join(tag.replace(",", "") for tag in tags)]


def _outcome(won):
    return ["Won", "True", "100"] if won else ["New", "False", "0"]


# ---------------------------------------------------------------- the hands and eyes


class Walker:
    """What a person does in Odoo: open an app, take a menu, press a button, look."""

    def __init__(self, page):
        self.page = page
        self.taken = 0
        self.errors = []
        page.add_init_script(NO_POINTER)
        page.on("pageerror", lambda error: self.errors.append(str(error)))

    def do(self, part) -> None:
        """Do a part of the walk; where it stops, tell what was seen and keep a picture of it."""
        try:
            part(self)
        except Exception as error:
            picture = RUN / "log" / "walk_failed.png"
            with contextlib.suppress(Exception):
                self.page.screenshot(path=str(picture))
            reason = " ".join(str(error).split())[:400]
            raise Problem(f"the walk stops at {part.__name__[1:]!r}: {reason} (picture: {picture})") from error

    def app(self, name: str) -> None:
        self.page.click(".o_navbar_apps_menu button")
        self.page.click(f".o-dropdown--menu .o_app:text-is('{name}')")
        self.sees(f".o_menu_brand:text-is('{name}')")

    def menu(self, section: str, item: str, showing: str = "") -> None:
        self.page.click(f".o_menu_sections button:has-text('{section}')")
        self.page.click(f".o-dropdown--menu .dropdown-item:text-is('{item}')")
        self.sees(".o_breadcrumb", showing or item)

    def open_model(self, name: str) -> None:
        self.menu("Configuration", "Scoring Models")
        self.page.click(f".o_data_row td[name=name]:text-is('{name}')")
        self.sees(".o_breadcrumb", name)

    def until_moved(self) -> None:
        """Wait for moves in the list of moved leads, as a person would: by looking again."""
        deadline = time.monotonic() + BACKGROUND
        while True:
            self.menu("Configuration", "Moved Leads")
            self.page.wait_for_timeout(SETTLED)
            if self.page.query_selector(".o_data_row td[name=lead_id]"):
                return
            if time.monotonic() > deadline:
                raise TimeoutError("no lead has moved")

    def press(self, text: str, where: str = "") -> None:
        self.page.click(f"{where} button:visible:has-text('{text}')")

    def sees(self, selector: str, text: str = "", patience: int = PATIENCE):
        """Wait for ``selector``, with ``text`` in it if given."""
        wanted = self.page.locator(selector, has_text=text or None).first
        wanted.wait_for(timeout=patience)
        return wanted

    def gone(self, selector: str) -> None:
        self.page.wait_for_selector(selector, state="detached")

    def field(self, name: str, where: str = "") -> str:
        """The selector of a field's widget."""
        return f"{where} .o_field_widget[name={name}]"

    def fill(self, name: str, value: str, where: str = "") -> None:
        self.page.fill(f"{self.field(name, where)} input, {self.field(name, where)} textarea", value)

    def save(self) -> None:
        self.page.click(".o_form_button_save")
        self.page.wait_for_selector(".o_form_button_save:visible", state="detached")

    def in_time(self, selector: str, text: str = "", what: str = "") -> None:
        """Wait for what runs in the background, without touching the page: it has to show by itself."""
        self.sees(selector, text, BACKGROUND * 1000)

    def shot(self, name: str) -> None:
        """The next picture, once the page is at rest."""
        self.page.mouse.move(SIZE["width"] - 1, SIZE["height"] - 1)  # no tooltip of what was pressed
        self.page.wait_for_timeout(SETTLED)
        self.taken += 1
        path = FOLDER / f"{self.taken:02d}_{name}.png"
        take_picture(self.page, path)
        if path.stat().st_size > HEAVIEST:
            raise ValueError(f"{path.name} is of {path.stat().st_size:,} bytes, more than {HEAVIEST:,}")


# ---------------------------------------------------------------- the walk


def _switch(w: Walker) -> None:
    """Switching scoring off and on."""
    w.app("Settings")
    for on in (False, True):
        w.page.click(".settings_tab .tab[data-key=crm]")
        w.page.set_checked(f"{w.field('group_use_lead_scoring')} input", on)
        # Odoo loads its screens anew: what they show has changed.
        w.page.evaluate("window.loadedBefore = true")
        w.press("Save", ".o_control_panel")
        w.page.wait_for_function("!window.loadedBefore")
        _see_settings(w)
        w.shot("switched_on" if on else "switched_off")
        _need_menus(w, on)


def _see_settings(w: Walker) -> None:
    w.page.click(".settings_tab .tab[data-key=crm]")
    w.sees("h2:has-text('Lead Management')").evaluate("title => title.scrollIntoView()")


def _need_menus(w: Walker, on: bool) -> None:
    """Scoring's menus are there or not."""
    w.app("CRM")
    w.page.click(".o_menu_sections button:has-text('Configuration')")
    w.sees(".o-dropdown--menu .dropdown-item:text-is('Sales Teams')")
    found = w.page.locator(".o-dropdown--menu .dropdown-item:text-is('Scoring Models')").count()
    if bool(found) != on:
        raise AssertionError(f"scoring is {'on' if on else 'off'}, and its menus are {'there' if found else 'gone'}")
    w.app("Settings")


def _import(w: Walker) -> None:
    """Importing leads."""
    w.app("CRM")
    for path in _write_leads():
        w.menu("Sales", "My Pipeline", "Pipeline")
        w.page.click(".o_control_panel .o_cp_action_menus button:has(.fa-cog)")
        w.page.click(".o-dropdown--menu :text('Import records')")
        w.page.set_input_files("input[type=file]", str(path))
        w.sees(".o_import_data_content table")
        _test_import(w)
        for choice in w.page.query_selector_all("select.o_import_create_option"):
            choice.select_option(label="Create new values")
        _test_import(w)
        w.sees(".o_import_data_content", "Everything seems valid.")
        w.shot(f"import_{path.stem}")
        w.press("Import")
        w.sees(".o_kanban_renderer", patience=BACKGROUND * 1000)
    w.sees(".o_kanban_record")
    w.shot("pipeline_before")


def _test_import(w: Walker) -> None:
    w.press("Test")
    w.sees(".o_blockUI")
    w.gone(".o_blockUI")


def _configure(w: Walker) -> None:
    """Making a scoring configuration."""
    w.menu("Configuration", "Scoring Configuration")
    w.sees(".o_view_nocontent", "every automation is on")
    w.shot("no_configuration")
    w.press("New", ".o_control_panel")
    w.fill("name", "Our lead scoring")
    w.save()
    w.sees(".ribbon:visible", "In Effect")
    w.shot("configuration")
    w.menu("Configuration", "Stages")
    w.sees(".o_data_row td[name=scoring_role]", "Sales Acceptance")
    w.shot("stages")


def _train(w: Walker) -> None:
    """Training the model that comes with the addon."""
    w.open_model("Likely to be won")
    w.shot("model_untrained")
    w.press("Train")
    w.in_time(".o_form_view .progress-bar")
    w.shot("training")
    w.in_time("button[name=action_go_live]:visible")
    w.sees(".alert", "Trained. Press Go Live")
    w.shot("trained")
    w.page.click(".o_notebook_headers a:text-is('Features')")
    w.sees(f"{w.field('feature_ids')} .o_data_row").scroll_into_view_if_needed()
    w.page.locator(".o_notebook").scroll_into_view_if_needed()
    w.shot("features")
    w.page.click(".o_notebook_headers a:text-is('Versions')")
    w.page.click(f"{w.field('version_ids')} .o_data_row td >> nth=0")
    w.sees(".modal canvas")
    w.shot("report")
    w.press("Close", ".modal")
    w.gone(".modal")


def _go_live(w: Walker) -> None:
    """Going live."""
    w.open_model("Likely to be won")
    w.press("Check for Errors")
    w.sees(".o_notification")
    w.shot("check_for_errors")
    w.press("Go Live", ".o_form_statusbar")
    w.sees(".modal", "would move on in the pipeline")
    w.page.check(".modal input[data-value=move]")
    w.shot("go_live")
    w.press("Go Live", ".modal")
    w.gone(".modal")
    w.in_time(IS_LIVE)
    w.shot("live")


def _see_moves(w: Walker) -> None:
    """Leads that moved."""
    w.until_moved()
    w.shot("moved_leads")
    w.menu("Sales", "My Pipeline", "Pipeline")
    w.sees(".o_kanban_group:nth-child(2) .o_kanban_record")
    w.shot("pipeline_after")
    w.menu("Sales", "My Open Leads Scored")
    w.sees(".o_data_row .o_lead_score_trend")
    w.shot("open_leads_scored")
    w.page.click(".o_data_row td[name=name] >> nth=0")
    w.sees(".o_lead_score_reasons li")
    w.shot("lead")
    # Something happens on it, of which a rule will tell.
    w.press("Activity", ".o-mail-Chatter")
    w.sees(".modal button[name=action_schedule_activities_done]")
    w.fill("summary", "Called back", ".modal")
    w.press("Mark Done", ".modal")
    w.gone(".modal")
    w.sees(".o-mail-Message", "Called back")


RULES = (  # name, points, the field and value of its filter, what happened
    ("Said yes before", "40", ("Source", "Earlier campaign: yes"), None),
    ("Is retired", "20", ("Job Position", "Retired"), None),
    ("Somebody works on it", "15", None, "Activity done"),
)


def _write_rules(w: Walker) -> None:
    """Writing a model of rules."""
    w.menu("Configuration", "Scoring Models")
    w.press("New", ".o_control_panel")
    w.fill("name", "Good signs")
    w.page.click(f"{w.field('kind')} label:has-text('Rules')")
    w.page.click(".o_notebook_headers a:text-is('Rules')")
    w.shot("rules_model")
    for name, points, condition, event in RULES:
        _write_rule(w, name, points, condition, event)
    w.save()
    w.sees(f"{w.field('rule_ids')} .o_data_row", RULES[-1][0])
    w.shot("rules")
    w.press("Preview")
    w.sees(f".modal {w.field('line_ids')} .o_data_row", RULES[0][0])
    w.shot("preview")
    w.press("Close", ".modal")
    w.gone(".modal")
    w.press("Backtest")
    w.sees(f".modal {w.field('line_ids')} .o_data_row", RULES[0][0])
    w.shot("backtest")
    w.press("Close", ".modal")
    w.gone(".modal")


def _write_rule(w: Walker, name: str, points: str, condition, event) -> None:
    modal = ".modal:has(.o_form_view)"
    w.page.click(f"{w.field('rule_ids')} .o_field_x2many_list_row_add a")
    w.sees(modal)
    w.fill("name", name, modal)
    w.fill("points", points, modal)
    if condition:
        _write_condition(w, modal, *condition)
    if event:
        w.page.click(f"{w.field('kind', modal)} label:has-text('Engagement')")
        w.page.click(f"{w.field('condition_ids', modal)} .o_field_x2many_list_row_add a")
        w.page.click(f"{w.field('event', modal)} input")
        w.page.click(f".o_select_menu_item:has-text('{event}')")
        w.fill("half_days", "30", modal)
        w.shot("rule_of_what_happened")
    elif name == RULES[0][0]:
        w.shot("rule")
    w.press("Save & Close", modal)
    w.gone(modal)


def _write_condition(w: Walker, modal: str, field: str, value: str) -> None:
    domain = w.field("domain", modal)
    w.page.click(f"{domain} a:has-text('New Rule')")
    w.page.click(f"{domain} .o_model_field_selector >> nth=0")
    w.page.fill(".o_model_field_selector_popover input", field)
    w.page.click(f".o_model_field_selector_popover_item_name:text-is('{field}')")
    w.gone(".o_model_field_selector_popover")
    w.page.locator(f"{domain} .o_tree_editor_condition input").last.fill(value)
    if field == "Source":  # records are picked, text is typed
        w.page.click(f".o-autocomplete--dropdown-item:has-text('{value}')")
    w.page.keyboard.press("Tab")


def _go_live_with_rules(w: Walker) -> None:
    """Going live with the rules, too."""
    w.open_model("Good signs")
    w.press("Go Live", ".o_form_statusbar")
    w.in_time(IS_LIVE)
    w.shot("rules_live")
    w.menu("Sales", "My Open Leads Scored")
    w.page.click(".o_data_row td[name=name] >> nth=0")
    w.sees(".o_lead_related_scores", "Good signs").scroll_into_view_if_needed()
    w.shot("related_lead_scores")


def _stop(w: Walker) -> None:
    """Stopping: the scores are cleaned up."""
    for name in ("Likely to be won", "Good signs"):
        w.open_model(name)
        w.press("Stop", ".o_form_statusbar")
        w.sees(".modal", "Stop this model?")
        if name == "Likely to be won":
            w.shot("stop")
        w.page.click(".modal-footer .btn-primary")
        w.in_time(".o_statusbar_status .o_arrow_button_current:text-is('Stopped')")
    w.shot("stopped")
    w.menu("Sales", "My Open Leads Scored")
    w.sees(".o_view_nocontent")
    w.shot("scores_gone")


def _go_live_again(w: Walker) -> None:
    """Going live again: the scores are back."""
    for name in ("Likely to be won", "Good signs"):
        w.open_model(name)
        w.press("Go Live", ".o_form_statusbar")
        w.in_time(IS_LIVE)
    w.menu("Sales", "My Open Leads Scored")
    w.sees(".o_data_row .o_lead_score_trend")
    w.shot("scores_back")
    w.menu("Configuration", "Scoring Runs")
    w.sees(".o_data_row")
    w.shot("runs")
    w.app("Settings")
    _see_settings(w)
    w.sees(w.field("lead_scoring_status"), "Likely to be won: Live")
    w.shot("settings_live")


PARTS = (
    _switch,
    _import,
    _configure,
    _train,
    _go_live,
    _see_moves,
    _write_rules,
    _go_live_with_rules,
    _stop,
    _go_live_again,
)
