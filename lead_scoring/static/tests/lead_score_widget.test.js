import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { beforeEach, expect, test } from "@odoo/hoot";
import { press, queryAllTexts, queryOne } from "@odoo/hoot-dom";
import { animationFrame, Deferred, freezeTime, runAllTimers } from "@odoo/hoot-mock";
import {
    contains,
    defineModels,
    defineParams,
    fields,
    models,
    mountView,
    onRpc,
} from "@web/../tests/web_test_helpers";
import { makeServerError } from "@web/../tests/_framework/mock_server/mock_server_utils";
import { setupChartJsForTests } from "@web/../tests/views/graph/graph_test_helpers";
import { browser } from "@web/core/browser/browser";

const TRENDS = [
    ["up", "Improving"],
    ["steady", "Steady"],
    ["down", "Declining"],
    ["unknown", "Not enough info"],
];

class Lead extends models.Model {
    _name = "crm.lead";
    name = fields.Char();
    phone = fields.Char();
    type = fields.Selection({ selection: [["lead", "Lead"], ["opportunity", "Opportunity"]] });
    active = fields.Boolean({ default: true });
    won_status = fields.Selection({ selection: [["won", "Won"], ["lost", "Lost"], ["pending", "Pending"]] });
    lead_score = fields.Integer();
    lead_grade = fields.Char();
    lead_grade_color = fields.Integer();
    lead_score_trend = fields.Selection({ selection: TRENDS });
    lead_score_earlier = fields.Integer();
    lead_score_date = fields.Datetime();
    lead_score_outdated_since = fields.Datetime();
    lead_sales_ready = fields.Boolean();
    _records = [
        {
            id: 1,
            name: "Twenty desks",
            type: "opportunity",
            won_status: "pending",
            lead_score: 75,
            lead_grade: "A",
            lead_grade_color: 10,
            lead_score_trend: "up",
            lead_score_earlier: 61,
            lead_score_date: "2026-01-05 02:00:00",
        },
        { id: 2, name: "New one", type: "opportunity", won_status: "pending" },
    ];
}

defineModels([Lead]);
defineMailModels();
setupChartJsForTests();

const reason = (feature, points, extra = {}) => ({
    feature,
    subject: "lead",
    label: feature,
    value: "x",
    points,
    exact: points + 0.2,
    text: `${feature} is x.`,
    ...extra,
});

const DETAILS = {
    status: "scored",
    message: false,
    feedback_count: 2,
    basics: { score: 75, grade: "A", color: 10, trend: "up", word: "Improving", earlier: 61, ready: false },
    model: "Likely to be won",
    scored_on: "2026-01-05 02:00:00",
    links: { contact: 7, company: false },
    explanation: {
        score: 75,
        average: 31,
        exact_score: 74.6,
        exact_average: 31.2,
        hidden: { count: 1, points: 3, exact: 2.9 },
        reasons: [
            reason("Source", 24),
            reason("Country", 12, { subject: "contact" }),
            reason("Industry", 6, { subject: "company" }),
            reason("Meetings", 5, { subject: "activity" }),
            reason("Phone", 4),
            reason("Website", 2),
            reason("Age", -12, { feature: "activity.age_days", subject: "activity" }),
            reason("Weekday", 0),
        ],
    },
};

const FORM = /* xml */ `
    <form>
        <field name="lead_score" invisible="1"/><field name="lead_grade" invisible="1"/>
        <field name="lead_grade_color" invisible="1"/><field name="lead_score_trend" invisible="1"/>
        <field name="lead_score_earlier" invisible="1"/><field name="lead_score_date" invisible="1"/>
        <field name="lead_score_outdated_since" invisible="1"/>
        <field name="lead_sales_ready" invisible="1"/><field name="won_status" invisible="1"/>
        <field name="type" invisible="1"/>
        <widget name="lead_score"/>
        <field name="name"/>
        <notebook><page string="One"><field name="won_status"/><field name="active"/></page><page string="Two"><field name="phone"/></page></notebook>
    </form>`;

const showForm = (resId = 1) => mountView({ type: "form", resModel: "crm.lead", resId, arch: FORM });

/** Answer the widget's calls; each is told as a step. */
function answer(answers) {
    for (const [method, found] of Object.entries({ get_lead_score_details: DETAILS, ...answers })) {
        onRpc("crm.lead", method, ({ args }) => {
            expect.step(`${method} ${JSON.stringify(args)}`);
            return typeof found === "function" ? found(args) : found;
        });
    }
}

async function open(selector) {
    await contains(selector).click();
    await animationFrame();
}

const openTab = (name) => open(`[role=tab][data-section=${name}]`);
const texts = (selector) => queryAllTexts(selector).map((text) => text.replace(/\s+/g, " "));
const isPhone = () => window.innerWidth < 768;

/** On a phone the widget is folded until it is opened. */
async function showUnfolded(resId) {
    await showForm(resId);
    await animationFrame();
    if (isPhone()) {
        await contains(".o_lead_score_fold").click();
    }
}

beforeEach(() => browser.localStorage.removeItem("lead_scoring.folded"));

test("score, grade, trend with the earlier score, model and day stand on one line", async () => {
    answer({});
    await showUnfolded();
    expect(".o_lead_score_number").toHaveText("75");
    expect(".o_lead_score_basics .badge").toHaveClass("o_badge_color_10");
    expect(".o_lead_score_basics .badge").toHaveText(/A/);
    expect(".o_lead_score_trend").toHaveText("Improving from 61");
    expect(".o_lead_score_trend i").toHaveClass("fa-arrow-up");
    expect(".o_lead_score_model").toHaveText("Likely to be won");
    expect(".o_lead_score_chat").toHaveText(/2$/);
    // One call; everything else waits until it is asked for.
    expect.verifySteps(["get_lead_score_details [[1]]"]);
});

test("up to five reasons that raise and five that lower, the strongest first, each with its bar", async () => {
    answer({});
    await showUnfolded();
    const [raising, lowering] = [".o_lead_score_reasons ul:eq(0)", ".o_lead_score_reasons ul:eq(1)"];
    expect(texts(`${raising} .o_lead_score_points`)).toEqual(["+24", "+12", "+6", "+5", "+4"]);
    expect(texts(`${lowering} .o_lead_score_points`)).toEqual(["−12"]);
    expect(queryOne(`${raising} li:eq(1) .o_lead_score_reason_bar`).style.width).toBe("50%");
    expect(`${raising} .o_lead_score_reason_bar:first`).toHaveClass("bg-success");
    expect(`${lowering} .o_lead_score_reason_bar`).toHaveClass("bg-danger");
    // What is of the contact and the activity links there; a company that one may not open is only named.
    expect(texts(".o_lead_score_link")).toEqual(["Contact", "Activity"]);
    expect(`${raising} li:eq(2)`).toHaveText(/Customer company/);
    expect(`${lowering} li`).toHaveText(/Activity/);
    expect.verifySteps(["get_lead_score_details [[1]]"]);
});

test("all reasons are listed with what may not be seen, the sum, and their rounding", async () => {
    answer({});
    await showUnfolded();
    await contains(".o_lead_score_toggle_all").click();
    const row = (selector) => texts(`${selector} td`);
    expect(".o_lead_score_all tbody tr").toHaveCount(9);
    expect(row(".o_lead_score_all tbody tr:eq(7)")).toEqual(["Weekday is x.", "+0.2", "0"]);
    expect(row(".o_lead_score_hidden")).toEqual(["What you may not see (1)", "+2.9", "+3"]);
    expect(row(".o_lead_score_sum")).toEqual(["Sum", "+43.4", "+44"]);
    expect(row(".o_lead_score_all tfoot tr:last")).toEqual(["Score", "74.6", "75"]);
    await contains(".o_lead_score_toggle_all").click();
    expect(".o_lead_score_all").toHaveCount(0);
    expect.verifySteps(["get_lead_score_details [[1]]"]);
});

const rule = (number, points) => ({ feature: `rule.${number}`, subject: "lead", points, text: `Rule ${number}` });

test("all rules that fired are shown, because they add up to the raw points", async () => {
    const reasons = [...Array.from({ length: 8 }, (_, index) => rule(index, 20)), rule(8, -2.5), rule(9, 0)];
    answer({ get_lead_score_details: { ...DETAILS, explanation: { score: 100, raw: 157.5, reasons } } });
    await showUnfolded();
    expect(".o_lead_score_reasons li").toHaveCount(9);
    expect(texts(".o_lead_score_reasons li").at(-1)).toMatch(/^−2\.5\s*Rule 8$/);
    expect(".o_lead_score_reasons").toHaveText(/The rules give 157\.5 points in all/);
    expect(".o_lead_score_reasons").not.toHaveText(/average lead/);
    await contains(".o_lead_score_toggle_all").click();
    expect(".o_lead_score_all tbody tr").toHaveCount(10);
    expect(texts(".o_lead_score_sum td")).toEqual(["Sum", "+157.5"]);
    expect.verifySteps(["get_lead_score_details [[1]]"]);
});

test("a lead that no rule gives points to says so", async () => {
    answer({ get_lead_score_details: { ...DETAILS, explanation: { score: 0, raw: 0, reasons: [] } } });
    await showUnfolded();
    expect(".o_lead_score_reasons").toHaveText(/No rule gives this lead points\./);
    expect(".o_lead_score_reasons").toHaveText(/No rule takes points from this lead\./);
    expect.verifySteps(["get_lead_score_details [[1]]"]);
});

test("a lead being created says when its score comes, and asks nothing", async () => {
    answer({});
    await mountView({ type: "form", resModel: "crm.lead", arch: FORM });
    expect(".o_lead_score_panel").toHaveText("The score comes after the lead is saved.");
    expect(".o_lead_score_panel").toHaveAttribute("data-status", "new");
    expect(".o_lead_score_panel button").toHaveCount(0);
    expect.verifySteps([]);
});

for (const [status, message] of [
    ["waiting", "This lead is scored with the next run, within a day."],
    ["running", "Scoring runs: 4 of 10 leads so far."],
    ["uncovered", "No score: no live scoring model covers this lead."],
    ["closed", "This lead was closed before it was scored."],
]) {
    test(`a lead without a score says why: ${status}`, async () => {
        answer({ get_lead_score_details: { status, message, feedback_count: 0 } });
        await showForm(2);
        await animationFrame();
        expect(".o_lead_score_message").toHaveText(message);
        expect(".o_lead_score_panel").toHaveAttribute("data-status", status);
        // There is nothing to unfold, but feedback.
        expect(".o_lead_score_fold").toHaveCount(0);
        expect(".o_lead_score_chat").toHaveCount(1);
        expect.verifySteps(["get_lead_score_details [[2]]"]);
    });
}

test("a lead that was scored since the form was read shows its score", async () => {
    answer({ get_lead_score_details: DETAILS });
    await showForm(2);
    await animationFrame();
    expect(".o_lead_score_number").toHaveText("75");
    expect(".o_lead_score_model").toHaveText("Likely to be won");
    expect.verifySteps(["get_lead_score_details [[2]]"]);
});

test("a closed lead shows its last score and says so", async () => {
    answer({
        get_lead_score_details: { ...DETAILS, status: "closed", message: "This lead is closed: it keeps its last score." },
    });
    await showUnfolded();
    expect(".o_lead_score_number").toHaveText("75");
    expect(".o_lead_score_message").toHaveText(/keeps its last score/);
    expect.verifySteps(["get_lead_score_details [[1]]"]);
});

test("a score that is out of date says since when", async () => {
    Lead._records[0].lead_score_outdated_since = "2026-01-05 12:00:00";
    answer({ get_lead_score_details: { ...DETAILS, status: "stopped", message: "It is not live any more." } });
    await showUnfolded();
    expect(".o_lead_score_model").toHaveText("Likely to be won");
    expect(".o_lead_score_sentence_place").toHaveText("It is not live any more.");
    expect(".o_lead_score_outdated").toHaveText(/Out of date since .*2026/);
    expect.verifySteps(["get_lead_score_details [[1]]"]);
});

test("what will be over soon stands in the place of the model", async () => {
    answer({ get_lead_score_details: { ...DETAILS, status: "running", message: "Scoring runs: 4 of 10 leads so far." } });
    await showUnfolded();
    expect(".o_lead_score_basics .o_lead_score_message").toHaveText("Scoring runs: 4 of 10 leads so far.");
    expect(".o_lead_score_model").toHaveCount(0);
    expect(".o_lead_score_sentence_place").toHaveCount(0);
    expect.verifySteps(["get_lead_score_details [[1]]"]);
});

test("while reasons load there is room for them", async () => {
    const slow = new Deferred();
    answer({ get_lead_score_details: () => slow });
    await showUnfolded();
    expect(".o_lead_score_number").toHaveText("75");
    expect(".o_lead_score_loading .placeholder").toHaveCount(3);
    slow.resolve(DETAILS);
    await animationFrame();
    expect(".o_lead_score_loading").toHaveCount(0);
    expect(".o_lead_score_reasons").toHaveCount(1);
    expect.verifySteps(["get_lead_score_details [[1]]"]);
});

test("the form is painted before its reasons are asked for", async () => {
    answer({});
    freezeTime();
    await showForm();
    expect(".o_lead_score_number").toHaveText("75");
    expect.verifySteps([]);
    await runAllTimers();
    await animationFrame();
    expect.verifySteps(["get_lead_score_details [[1]]"]);
});

test("an offline server is said quietly and can be asked again", async () => {
    answer({});
    onRpc("/web/dataset/call_kw/crm.lead/get_lead_score_details", () => new Response("", { status: 502 }), {
        pure: true,
    });
    await showUnfolded();
    expect(".o_lead_score_number").toHaveText("75");
    expect(".o_lead_score_problem").toHaveText(/Odoo cannot be reached right now/);
    expect(".modal").toHaveCount(0);
    onRpc("/web/dataset/call_kw/crm.lead/get_lead_score_details", () => ({ result: DETAILS }), { pure: true });
    await contains(".o_lead_score_problem button").click();
    await animationFrame();
    expect(".o_lead_score_reasons").toHaveCount(1);
    expect.verifySteps([]);
});

test("what fails on the server is said quietly, too", async () => {
    answer({
        get_lead_score_details: () => {
            throw makeServerError({ message: "Broken" });
        },
    });
    await showUnfolded();
    expect(".o_lead_score_problem").toHaveText(/This could not be loaded/);
    expect(".modal").toHaveCount(0);
    expect.verifySteps(["get_lead_score_details [[1]]"]);
});

test("who may not see the reasons is told so, without a dialog", async () => {
    answer({
        get_lead_score_details: () => {
            throw makeServerError({ type: "AccessError" });
        },
    });
    await showUnfolded();
    expect(".o_lead_score_problem").toHaveText("You do not have the right to see this.");
    expect(".o_lead_score_problem button").toHaveCount(0);
    expect(".modal").toHaveCount(0);
    expect.verifySteps(["get_lead_score_details [[1]]"]);
});

test("without the right to see scores there is no widget", async () => {
    answer({});
    await mountView({
        type: "form",
        resModel: "crm.lead",
        resId: 1,
        arch: `<form><widget name="lead_score"/><field name="name"/></form>`,
    });
    expect(".o_lead_score_panel").toHaveCount(0);
    expect.verifySteps([]);
});

test.tags("desktop");
test("folded it stays folded", async () => {
    answer({});
    await showUnfolded();
    expect(".o_lead_score_fold").toHaveAttribute("aria-expanded", "true");
    await contains(".o_lead_score_fold").click();
    expect(".o_lead_score_section").toHaveCount(0);
    expect(browser.localStorage.getItem("lead_scoring.folded")).toBe("yes");
    expect.verifySteps(["get_lead_score_details [[1]]"]);
});

test.tags("mobile");
test("on a phone it is folded", async () => {
    answer({});
    await showForm();
    await animationFrame();
    expect(".o_lead_score_number").toHaveText("75");
    expect(".o_lead_score_section").toHaveCount(0);
    expect.verifySteps(["get_lead_score_details [[1]]"]);
});

test.tags("desktop");
test("the next lead never shows the reasons of the one before", async () => {
    const slow = new Deferred();
    answer({ get_lead_score_details: ([[id]]) => (id === 1 ? DETAILS : slow) });
    await mountView({ type: "form", resModel: "crm.lead", resId: 1, resIds: [1, 2], arch: FORM });
    await animationFrame();
    expect(".o_lead_score_reasons").toHaveCount(1);
    await contains(".o_pager_next").click();
    expect(".o_lead_score_reasons").toHaveCount(0);
    expect(".o_lead_score_model").toHaveCount(0);
    expect(".o_lead_score_loading").toHaveCount(1);
    expect.verifySteps(["get_lead_score_details [[1]]", "get_lead_score_details [[2]]"]);
    slow.resolve({ status: "waiting", message: "Soon.", feedback_count: 0 });
});

test.tags("desktop");
test("arrow keys go from section to section", async () => {
    answer({ get_lead_score_proposals: { proposals: [] } });
    await showUnfolded();
    await contains("[role=tab][aria-selected=true]").focus();
    await press("ArrowRight");
    await animationFrame();
    await animationFrame();
    expect("[role=tab][data-section=proposals]").toBeFocused();
    expect("[role=tab][data-section=proposals]").toHaveAttribute("aria-selected", "true");
    expect(".o_lead_score_proposals").toHaveText(/Nothing that you could do/);
    expect.verifySteps(["get_lead_score_details [[1]]", "get_lead_score_proposals [[1]]"]);
});

test("what would raise it has a sentence and a button that leads to the field", async () => {
    answer({
        get_lead_score_proposals: {
            proposals: [
                {
                    id: 3,
                    name: "Fill in the phone number",
                    kind: "field",
                    field: "phone",
                    score: 79,
                    text: "Leads like this with a phone number score about 79.",
                },
            ],
        },
    });
    await showUnfolded();
    await openTab("proposals");
    expect(".o_lead_score_proposals li").toHaveText(/Leads like this with a phone number score about 79\./);
    expect("[name=phone]").toHaveCount(0); // it is on the other page
    await contains(".o_lead_score_proposals button").click();
    await animationFrame();
    await animationFrame();
    await animationFrame();
    expect("[name=phone] input").toBeFocused();
    expect.verifySteps(["get_lead_score_details [[1]]", "get_lead_score_proposals [[1]]"]);
});

test("how it went is a line, and a list of what made each change", async () => {
    const change = (date, score, parts) => ({
        date,
        score,
        change: null,
        data: 0,
        ageing: 0,
        version: 0,
        named: [],
        ...parts,
    });
    answer({
        get_lead_score_story: {
            changes: [
                change("2026-01-01 02:00:00", 61),
                change("2026-01-03 02:00:00", 58, { change: -3, ageing: -2, version: -1 }),
                change("2026-01-05 02:00:00", 75, {
                    change: 17,
                    data: 17,
                    named: [{ label: "Source", before: "Cold", after: "Referral", points: 17 }],
                }),
            ],
            stages: [{ date: "2026-01-04 10:00:00", before: "New", after: "Qualified" }],
            grades: [{ name: "A", color: 10, min: 75, max: 100 }],
        },
    });
    await showUnfolded();
    await openTab("story");
    await animationFrame();
    expect("canvas").toHaveAttribute("aria-label", /From 61 to 75; lowest 58, highest 75; number of changes: 2\./);
    const lines = texts(".o_lead_score_changes li");
    expect(lines).toHaveLength(4);
    expect(lines[0]).toMatch(/58 to 75: \+17 the lead's data Source: Cold, then Referral \(\+17\)/);
    expect(lines[1]).toMatch(/Stage: New → Qualified/);
    expect(lines[2]).toMatch(/61 to 58: −2 its ageing, −1 a new version of the model/);
    expect(lines[3]).toMatch(/First score: 61/);
    expect.verifySteps(["get_lead_score_details [[1]]", "get_lead_score_story [[1]]"]);
});

test("feedback is sent, changed and withdrawn; others' is listed", async () => {
    const others = [
        { id: 5, author: "Alma", date: "2026-01-02 10:00:00", expected: 40, given: 61, comments: "<b>Too high</b>" },
    ];
    const mine = (expected, comments) => ({
        mine: { id: 6, author: "Me", date: "2026-01-05 10:00:00", expected, given: 75, comments },
        others,
    });
    answer({
        get_lead_score_feedback: { mine: false, others },
        send_lead_score_feedback: ([, expected, comments]) => mine(expected, comments),
        withdraw_lead_score_feedback: { mine: false, others },
    });
    await showUnfolded();
    await open(".o_lead_score_chat");
    expect(".o_lead_score_expected").toHaveValue("75");
    expect(".o_lead_score_others li").toHaveText(/Alma.*Expected 40, was given 61.*<b>Too high<\/b>/s);
    await contains(".o_lead_score_expected").edit("90", { confirm: "tab" });
    expect(queryOne("input[type=range]").value).toBe("90");
    await contains(".o_lead_score_feedback textarea").edit("They want it.");
    await contains(".o_lead_score_feedback button[type=submit]").click();
    expect(".o_lead_score_my_feedback").toHaveText(/Expected 90, was given 75.*They want it\./s);
    expect(".o_lead_score_chat").toHaveText(/2$/);
    await contains(".o_lead_score_my_feedback button:contains(Change)").click();
    expect(".o_lead_score_expected").toHaveValue("90");
    await contains(".o_lead_score_expected").edit("100", { confirm: "tab" });
    await contains(".o_lead_score_feedback button[type=submit]").click();
    await contains(".o_lead_score_my_feedback button:contains(Withdraw)").click();
    expect(".modal").toHaveText(/expected score and comments are deleted/);
    await contains(".modal .btn-secondary").click();
    expect(".o_lead_score_my_feedback").toHaveCount(1);
    await contains(".o_lead_score_my_feedback button:contains(Withdraw)").click();
    await contains(".modal .btn-primary").click();
    expect(".o_lead_score_my_feedback").toHaveCount(0);
    expect(".o_lead_score_chat").toHaveText(/1$/);
    expect.verifySteps([
        "get_lead_score_details [[1]]",
        "get_lead_score_feedback [[1]]",
        'send_lead_score_feedback [[1],90,"They want it."]',
        'send_lead_score_feedback [[1],100,"They want it."]',
        "withdraw_lead_score_feedback [[1]]",
    ]);
});

test("an expected score that is none is told, stays as typed, and is not sent", async () => {
    answer({ get_lead_score_feedback: { mine: false, others: [] }, send_lead_score_feedback: { mine: false, others: [] } });
    await showUnfolded();
    await open(".o_lead_score_chat");
    await contains(".o_lead_score_feedback textarea").edit("They want it.");
    for (const typed of ["140", "-1", "7.5", "1e1", "ninety", ""]) {
        await contains(".o_lead_score_expected").edit(typed, { confirm: "tab" });
        expect(".o_lead_score_feedback [role=alert]").toHaveText("The expected score is a whole number from 0 to 100.");
        expect(".o_lead_score_expected").toHaveClass("is-invalid");
        expect(".o_lead_score_expected").toHaveValue(typed);
        await contains(".o_lead_score_feedback button[type=submit]").click();
        expect(".o_lead_score_expected").toBeFocused();
    }
    expect(".o_lead_score_feedback textarea").toHaveValue("They want it.");
    await contains(".o_lead_score_expected").edit("0", { confirm: false });
    expect(".o_lead_score_feedback [role=alert]").toHaveCount(0); // before one leaves the field
    await contains(".o_lead_score_feedback button[type=submit]").click();
    expect.verifySteps([
        "get_lead_score_details [[1]]",
        "get_lead_score_feedback [[1]]",
        'send_lead_score_feedback [[1],0,"They want it."]',
    ]);
});

test("a score of 0 is where its expected score begins", async () => {
    Lead._records[0].lead_score = 0;
    answer({ get_lead_score_feedback: { mine: false, others: [] } });
    await showUnfolded();
    await open(".o_lead_score_chat");
    expect(".o_lead_score_expected").toHaveValue("0");
    expect.verifySteps(["get_lead_score_details [[1]]", "get_lead_score_feedback [[1]]"]);
});

test("what was written stays when it cannot be sent", async () => {
    answer({
        get_lead_score_feedback: { mine: false, others: [] },
        send_lead_score_feedback: () => {
            throw makeServerError({ message: "Broken" });
        },
    });
    await showUnfolded();
    await open(".o_lead_score_chat");
    await contains(".o_lead_score_feedback textarea").edit("They want it.");
    await contains(".o_lead_score_feedback button[type=submit]").click();
    expect(".o_lead_score_feedback [role=alert]").toHaveText(/Not sent/);
    expect(".o_lead_score_feedback textarea").toHaveValue("They want it.");
    expect.verifySteps([
        "get_lead_score_details [[1]]",
        "get_lead_score_feedback [[1]]",
        'send_lead_score_feedback [[1],75,"They want it."]',
    ]);
});

test("where one reads from right to left, signs stay before their numbers and arrows are turned", async () => {
    defineParams({ lang_parameters: { direction: "rtl" } });
    answer({
        get_lead_score_story: {
            changes: [{ date: "2026-01-01 02:00:00", score: 75, change: null, named: [] }],
            stages: [{ date: "2026-01-04 10:00:00", before: "New", after: "Qualified" }],
            grades: [],
        },
    });
    await showUnfolded();
    expect(queryOne(".o_lead_score_points:eq(0)").textContent).toBe("\u200e+24");
    await openTab("story");
    expect(texts(".o_lead_score_changes li")[0]).toMatch(/New ← Qualified/);
    expect.verifySteps(["get_lead_score_details [[1]]", "get_lead_score_story [[1]]"]);
});

test("in a list the score opens its reasons, without a call for each row", async () => {
    answer({});
    await mountView({
        type: "list",
        resModel: "crm.lead",
        arch: `<list><field name="name"/><field name="lead_score" widget="lead_score"/></list>`,
    });
    expect(".o_lead_score_why").toHaveCount(1); // a lead without a score has nothing to tell
    expect.verifySteps([]);
    await contains(".o_lead_score_why").click();
    await animationFrame();
    expect(".o_lead_score_popover .o_lead_score_number").toHaveText("75");
    expect(".o_lead_score_popover .o_lead_score_points").toHaveCount(6);
    expect(".o_lead_score_popover").toHaveText(/Likely to be won/);
    expect.verifySteps(["get_lead_score_details [[1]]"]);
});

test.tags("desktop");
test("a click on the bar opens the reasons, too; Escape brings one back to the score", async () => {
    answer({});
    await mountView({
        type: "list",
        resModel: "crm.lead",
        arch: `<list><field name="name"/><field name="lead_score" widget="lead_score" options="{'show_bar': True}"/></list>`,
    });
    await contains(".o_lead_score_bar").click();
    await animationFrame();
    expect(".o_lead_score_popover").toHaveCount(1);
    await press("Escape");
    await animationFrame();
    expect(".o_lead_score_popover").toHaveCount(0);
    expect(".o_lead_score_why").toBeFocused();
    expect.verifySteps(["get_lead_score_details [[1]]"]);
});

test.tags("desktop");
test("what is said of the score is asked for again when the lead is archived", async () => {
    answer({});
    await showForm();
    await animationFrame();
    await contains("[name=active] input").click();
    await animationFrame();
    expect.verifySteps(["get_lead_score_details [[1]]", "get_lead_score_details [[1]]"]);
});

test.tags("desktop");
test("a closed lead is proposed nothing", async () => {
    Lead._records[0].won_status = "won";
    answer();
    await showForm();
    await animationFrame();
    expect("[role=tab][data-section=story]").toHaveCount(1);
    expect("[role=tab][data-section=proposals]").toHaveCount(0);
    expect.verifySteps(["get_lead_score_details [[1]]"]);
});

test.tags("desktop");
test("a percent sign stays with its number", async () => {
    const explanation = { ...DETAILS.explanation, reasons: [reason("Source", 24, { text: "64 % of such, 31 % of all." })] };
    answer({ get_lead_score_details: { ...DETAILS, explanation } });
    await showForm();
    await animationFrame();
    expect(queryOne(".o_lead_score_sentence").textContent).toInclude("64\u00a0% of such, 31\u00a0% of all.");
    expect.verifySteps(["get_lead_score_details [[1]]"]);
});
