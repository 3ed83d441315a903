from odoo.tests import tagged
from odoo.tools import SQL

from .common_screens import ScoredScreens

PANEL = ".o_lead_score_panel"
REASONS = f"{PANEL} .o_lead_score_reasons li"

# WCAG 2.1: 4.5 for text, 3 for large text and for what is drawn. Opacity counts, transparent backgrounds are seen
# through. Returns what falls short: [[text or class, ratio, needed], ...], and how many were measured.
CONTRAST = """(root, drawn) => {
    const parse = (color) => {
        const parts = color.match(/[\\d.]+/g).map(Number);
        return parts.length < 4 ? [...parts, 1] : parts;
    };
    const over = ([r, g, b, a], back) => [r, g, b].map((part, index) => part * a + back[index] * (1 - a));
    const chain = (element) => (element ? [...chain(element.parentElement), element] : []);
    const backOf = (element) =>
        chain(element).reduce((back, one) => over(parse(getComputedStyle(one).backgroundColor), back), [255, 255, 255]);
    const opacityOf = (element) => chain(element).reduce((all, one) => all * getComputedStyle(one).opacity, 1);
    const light = (color) => {
        const [r, g, b] = color.map((part) => {
            part /= 255;
            return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const ratio = (one, other) => {
        const [dark, bright] = [light(one), light(other)].sort((a, b) => a - b);
        return (bright + 0.05) / (dark + 0.05);
    };
    const found = [];
    let measured = 0;
    const measure = (name, color, back, needed) => {
        measured++;
        const reached = ratio(color, back);
        if (reached < needed) {
            found.push([name, Math.round(100 * reached) / 100, needed]);
        }
    };
    for (const element of document.querySelectorAll(`${root} *`)) {
        const style = getComputedStyle(element);
        const box = element.getBoundingClientRect();
        if (!box.width || box.width < 2 || style.visibility === "hidden" || element.closest(".visually-hidden")) {
            continue;
        }
        const text = [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim()).join("");
        const isIcon = element.classList.contains("fa");
        if (text || isIcon) {
            const size = parseFloat(style.fontSize);
            const isLarge = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
            const [r, g, b, a] = parse(style.color);
            const back = backOf(element);
            measure(text || element.className, over([r, g, b, a * opacityOf(element)], back), back, isIcon || isLarge ? 3 : 4.5);
        }
        if (drawn && element.matches(drawn)) {
            measure(element.className, backOf(element), backOf(element.parentElement), 3);
        }
    }
    for (const canvas of document.querySelectorAll(`${root} canvas`)) {
        const { chartArea, config, ctx, currentDevicePixelRatio: scale, data, legend, scales } = Chart.getChart(canvas);
        const probe = canvas.parentElement.appendChild(document.createElement("span"));
        const draws = (name, color, needed, back = backOf(canvas)) => {
            probe.style.color = color; // by any of its names
            const [r, g, b, a] = parse(getComputedStyle(probe).color);
            measure(`${config.type} chart, ${name}`, over([r, g, b, a * opacityOf(canvas)], back), back, needed);
        };
        for (const { axis, options } of Object.values(scales)) {
            draws(`ticks of ${axis}`, options.ticks.color, 4.5);
            options.title.display && draws(`title of ${axis}`, options.title.color, 4.5);
        }
        legend.options.display && draws("legend", legend.options.labels.color, 4.5);
        const lines = data.datasets.map(({ borderColor, backgroundColor }) => [borderColor || backgroundColor].flat()).flat();
        for (const color of new Set(lines)) {
            draws(`drawn ${color}`, color, 3);
        }
        if (canvas.closest(".o_lead_score_story")) {
            for (const score of [5, 30, 55, 80]) { // beside the lines of the grid
                const place = [chartArea.left + chartArea.width / 2, scales.y.getPixelForValue(score)];
                const [r, g, b, a] = ctx.getImageData(...place.map((part) => Math.round(part * scale)), 1, 1).data;
                const band = over([r, g, b, a / 255], backOf(canvas));
                draws(`words at ${score}`, getComputedStyle(canvas).color, 4.5, band);
                draws(`line at ${score}`, lines[0], 3, band);
            }
        }
        probe.remove();
    }
    return { found, measured };
}"""

# Whether an element stands on dark ground.
IS_DARK = """(selector) => {
    let one = document.querySelector(selector);
    while (/, 0\\)$/.test(getComputedStyle(one).backgroundColor)) {
        one = one.parentElement;
    }
    return getComputedStyle(one).backgroundColor.match(/[\\d.]+/g).slice(0, 3).every((part) => part < 80);
}"""

# What can be reached in the widget: everything that takes part, but tabs that the arrow keys go to.
FOCUSABLE = """(root) => {
    const all = [...document.querySelectorAll(`${root} :is(button, a[href], input, textarea, [tabindex])`)];
    window.reachable = all.filter((one) => one.offsetParent && one.tabIndex >= 0 && !one.disabled);
    window.lookOf = (one) => {
        const { outlineStyle, outlineWidth, outlineColor, boxShadow } = getComputedStyle(one);
        return [outlineStyle === "none" ? "" : outlineWidth + outlineColor, boxShadow].join();
    };
    window.looks = window.reachable.map(lookOf);
    const before = [...document.querySelectorAll("input, textarea, button, a[href]")].filter(
        (one) => one.offsetParent && one.tabIndex >= 0
            && one.compareDocumentPosition(document.querySelector(root)) & Node.DOCUMENT_POSITION_FOLLOWING
    );
    before.at(-1).focus();
    return all.filter((one) => one.offsetParent && one.tabIndex < 0 && one.getAttribute("role") !== "tab").length;
}"""
FOCUSED = """() => {
    const index = window.reachable.indexOf(document.activeElement);
    return { index, isSeen: index >= 0 && window.lookOf(document.activeElement) !== window.looks[index] };
}"""
NAMES = "() => window.reachable.map((one) => one.className + ' ' + one.textContent.trim())"

# Let calls of the widget wait until they are released.
HOLD = """() => {
    const { open, send } = XMLHttpRequest.prototype;
    window.held = [];
    XMLHttpRequest.prototype.open = function (method, url) {
        this.isOfWidget = /get_lead_score/.test(url);
        return open.apply(this, arguments);
    };
    XMLHttpRequest.prototype.send = function (body) {
        return this.isOfWidget ? window.held.push(() => send.call(this, body)) : send.call(this, body);
    };
}"""
RELEASE = "() => { for (const go of window.held.splice(0)) { go(); } }"
# Where the first thing after the widget stands.
BELOW = """() => {
    let place = document.querySelector(".o_lead_score_panel");
    while (!place.nextElementSibling?.offsetHeight) {
        place = place.parentElement;
    }
    return Math.round(place.nextElementSibling.getBoundingClientRect().top);
}"""

SECTIONS = {
    "reasons": ".o_lead_score_reasons li",
    "proposals": ".o_lead_score_proposals > :not(.o_lead_score_loading)",
    "story": ".o_lead_score_story canvas",
    "feedback": ".o_lead_score_feedback textarea",
}


def tab(section):
    return f"{PANEL} [role=tab][data-section={section}]"


@tagged("post_install", "-at_install")
class TestLooks(ScoredScreens):
    """What people with weak eyes, without a mouse or with little patience meet."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        # The community edition has a dark bundle without dark colours.
        cls.env["ir.asset"].create(
            {
                "name": "A dark palette",
                "bundle": "web.assets_web_dark",
                "directive": "before",
                "target": "web/static/src/scss/primary_variables.scss",
                "path": "lead_scoring/static/tests/dark/palette.scss",
            }
        )

    @property
    def lead_path(self):
        return f"/odoo/crm/{self.hot[0].id}"

    def _assert_contrast(self, page, root, drawn="", least=5):
        page.do("Promise.allSettled(document.getAnimations().map((one) => one.finished)).then(() => true)")
        seen = page.call(CONTRAST, root, drawn)
        self.assertGreaterEqual(seen["measured"], least, "nothing was measured")
        self.assertEqual(seen["found"], [], f"too faint in {root}")

    def _assert_widget_is_legible(self, dark):
        with self.looking(self.lead_path, REASONS, dark=dark) as page:
            is_dark = page.do("Boolean(document.querySelector('link[href*=assets_web_dark]'))")
            self.assertEqual(is_dark, dark, "styles of the other bundle")
            self.assertEqual(page.call(IS_DARK, PANEL), dark, "the palette did not reach the widget")
            self._assert_contrast(page, PANEL, ".o_lead_score_reason_bar")
            page.click(".o_lead_score_toggle_all", then=".o_lead_score_all")
            self._assert_contrast(page, PANEL)
            for section in ("proposals", "story", "feedback"):
                with self.subTest(section=section, dark=dark):
                    page.click(tab(section), then=SECTIONS[section])
                    self._assert_contrast(page, PANEL)

    def test_the_widget_is_legible_in_light(self):
        self._assert_widget_is_legible(dark=False)

    def test_the_widget_is_legible_in_dark(self):
        """On a dark palette, which reaches our styles as that of a dark theme does: through Odoo's variables."""
        self._assert_widget_is_legible(dark=True)

    def test_the_list_and_its_popover_are_legible(self):
        for dark in (False, True):
            with (
                self.subTest(dark=dark),
                self.looking("/odoo/my-open-leads-scored", ".o_data_row [data-trend]", dark=dark) as page,
            ):
                for cell in ("lead_score", "lead_grade", "lead_score_trend", "lead_score_first_reason"):
                    bar = ".o_lead_score_bar .bg-primary"
                    self._assert_contrast(page, f".o_data_row td[name={cell}]", bar, least=1)
                page.click(".o_lead_score_why", then=".o_lead_score_popover li")
                self._assert_contrast(page, ".o_lead_score_popover", ".o_lead_score_reason_bar")

    def test_the_report_of_a_version_is_legible(self):
        path = f"/odoo/lead-scoring-versions/{self.model.version_id.id}"
        for dark in (False, True):
            with (
                self.subTest(dark=dark),
                self.looking(path, ".o_lead_scoring_report", login=self.mona.login, dark=dark) as page,
            ):
                self._assert_contrast(page, ".o_lead_scoring_report")

    def test_everything_in_the_widget_is_reached_by_keyboard_and_shows_the_focus(self):
        with self.looking(self.lead_path, REASONS) as page:
            for section, shows in SECTIONS.items():
                with self.subTest(section=section):
                    page.click(tab(section), then=shows)
                    self.assertEqual(page.call(FOCUSABLE, PANEL), 0, "beyond the keyboard's reach")
                    names = page.call(NAMES)
                    reached, unseen = set(), set()
                    for _press in range(len(names) + 2):
                        page.press_tab()
                        focused = page.call(FOCUSED)
                        reached.add(focused["index"])
                        if focused["index"] >= 0 and not focused["isSeen"]:
                            unseen.add(names[focused["index"]])
                    self.assertEqual([name for at, name in enumerate(names) if at not in reached], [], "not reached")
                    self.assertEqual(unseen, set(), "focused, but that is not seen")
                    self.assertGreaterEqual(len(names), 3)

    def test_nothing_below_the_widget_moves_while_it_loads(self):
        for size in ("1366x768", "390x844"):
            self._assert_still(size)

    def test_nothing_below_the_widget_of_a_closed_lead_moves(self):
        self.hot[1].action_set_won()
        self._assert_still_with_a_message(self.hot[1], "closed")

    def test_nothing_below_the_widget_of_an_archived_lead_moves(self):
        self.hot[1].active = False
        self._assert_still_with_a_message(self.hot[1], "archived")

    def test_nothing_below_the_widget_moves_when_the_model_is_not_live_any_more(self):
        self.model.write({"state": "stopped", "scored_until": "2026-01-05 12:00:00"})
        self._assert_still_with_a_message(self.hot[1], "stopped")

    def test_nothing_below_the_widget_moves_while_scoring_runs(self):
        self.env["lead.scoring.run"]._start(self.model)
        self._assert_still_with_a_message(self.hot[1], "running")

    def test_nothing_below_the_widget_moves_where_no_model_covers_the_lead(self):
        self.model.state = "stopped"
        self.model.domain = str([("id", "!=", self.hot[1].id)])
        self._take_live(self.model)
        self._assert_still_with_a_message(self.hot[1], "uncovered")

    def test_nothing_below_the_widget_of_an_unscored_lead_moves(self):
        self.env["lead.scoring.config"].create({"name": "Daily", "score_on_save": False})
        lead = self.hot[1].copy({"user_id": self.sam.id})
        self._assert_still_with_a_message(lead, "waiting")

    def _assert_still_with_a_message(self, lead, status, sizes=("1366x768", "390x844")):
        for size in sizes:
            shows = ".o_kanban_record [data-trend]" if size == "390x844" else ".o_data_row [data-trend]"
            with (
                self.subTest(size=size),
                self.looking("/odoo/my-open-leads-scored", shows, size=size) as page,
            ):
                page.call(HOLD)
                page.call(
                    """id => odoo.__WOWL_DEBUG__.root.env.services.action.doAction({
                        type: "ir.actions.act_window", res_model: "crm.lead", res_id: id, views: [[false, "form"]],
                    }).then(() => true)""",
                    lead.id,
                )
                page.wait(PANEL)
                before = page.call(BELOW)
                page.call(RELEASE)
                page.wait(f"{PANEL}[data-status={status}] .o_lead_score_message")
                self.assertEqual(page.call(BELOW), before)

    def test_a_long_story_stays_in_the_room_that_was_kept_for_it(self):
        lead = self.hot[0]
        for turn in range(8):
            lead.source_id = self.cold if turn % 2 else self.referral
            self._score()
            self.env.cr.execute(
                SQL("UPDATE crm_lead_score_history SET date = date - interval '1 day' WHERE lead_id = %s", lead.id)
            )
        self.assertGreater(self.env["crm.lead.score.history"].search_count([("lead_id", "=", lead.id)]), 6)
        for size in ("1366x768", "390x844"):
            is_phone = size == "390x844"
            shows = PANEL if is_phone else REASONS
            with self.subTest(size=size), self.looking(self.lead_path, shows, size=size) as page:
                if is_phone:
                    page.click(".o_lead_score_fold", then=REASONS)
                page.call(HOLD)
                page.click(tab("story"), then=f"{PANEL} .o_lead_score_loading")
                before = page.call(BELOW)
                page.call(RELEASE)
                page.wait(SECTIONS["story"])
                self.assertEqual(page.call(BELOW), before)

    def _assert_still(self, size):
        is_phone = size == "390x844"
        shows = ".o_kanban_record [data-trend]" if is_phone else ".o_data_row [data-trend]"
        with self.looking("/odoo/my-open-leads-scored", shows, size=size) as page:
            page.call(HOLD)
            page.click(".o_kanban_record" if is_phone else ".o_data_row td[name=name]", then=PANEL)
            with self.subTest("the form", size=size):
                before = page.call(BELOW)
                page.call(RELEASE)
                page.wait(f"{PANEL} .o_lead_score_model")
                self.assertEqual(page.call(BELOW), before, "it moved when the reasons came")
            if is_phone:
                page.click(".o_lead_score_fold", then=REASONS)
            for section in ("proposals", "story", "feedback"):
                with self.subTest(section=section, size=size):
                    page.click(tab(section), then=f"{PANEL} .o_lead_score_loading")
                    before = page.call(BELOW)
                    page.call(RELEASE)
                    page.wait(SECTIONS[section])
                    self.assertEqual(page.call(BELOW), before, "it moved when the section came")

    def test_the_list_is_readable_on_a_small_laptop(self):
        self.sam.name = "Alexandra Montgomery"
        with self.looking("/odoo/my-open-leads-scored", ".o_data_row [data-trend]", size="1280x800") as page:
            cut = page.call(
                """() => [...document.querySelectorAll(
                    "th .text-truncate, td[name=user_id] *, td[name=stage_id], td[name=expected_revenue]"
                )].filter((one) => one.scrollWidth > one.clientWidth + 1 && one.clientWidth)
                  .map((one) => one.textContent)"""
            )
            self.assertEqual(cut, [])
            self.assertFalse(
                page.do("document.querySelector('.o_list_renderer').scrollWidth > window.innerWidth"), "it scrolls"
            )

    def test_the_pipelines_own_list_shows_the_columns_that_one_ticks(self):
        action = self.env.ref("crm.crm_lead_action_pipeline")
        path = f"/odoo/action-{action.id}?view_type=list"
        with self.looking(path, ".o_list_view .o_data_row") as page:
            for name in ("lead_score", "lead_grade", "lead_score_trend"):
                self.assertFalse(page.do(f"Boolean(document.querySelector('.o_data_row td[name={name}]'))"))
                page.click(".o_optional_columns_dropdown button", then=f".o-dropdown--menu input[name={name}]")
                page.click(f".o-dropdown--menu input[name={name}]", then=f".o_data_row td[name={name}]")
                page.click(".o_optional_columns_dropdown button")

    def test_all_sections_are_in_sight_on_a_phone(self):
        with self.looking(self.lead_path, PANEL, size="390x844") as page:
            page.click(".o_lead_score_fold", then=REASONS)
            outside = page.call(
                """() => [...document.querySelectorAll(".o_lead_score_panel [role=tab]")]
                    .filter((one) => one.getBoundingClientRect().right > window.innerWidth)
                    .map((one) => one.textContent)"""
            )
            self.assertEqual(outside, [])
            self.assertEqual(page.do("document.querySelectorAll('.o_lead_score_panel [role=tab]').length"), 4)
