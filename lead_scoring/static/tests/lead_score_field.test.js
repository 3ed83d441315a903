import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { expect, test } from "@odoo/hoot";
import { queryFirst } from "@odoo/hoot-dom";
import { defineModels, fields, models, mountView } from "@web/../tests/web_test_helpers";

class Lead extends models.Model {
    _name = "crm.lead";
    lead_score = fields.Integer();
    lead_score_trend = fields.Selection({
        selection: [
            ["up", "Improving"],
            ["steady", "Steady"],
            ["down", "Declining"],
            ["unknown", "Not enough info"],
        ],
    });
    _records = [
        { id: 1, lead_score: 82, lead_score_trend: "up" },
        { id: 2, lead_score: 50, lead_score_trend: "steady" },
        { id: 3, lead_score: 7, lead_score_trend: "down" },
        { id: 4, lead_score: 31, lead_score_trend: "unknown" },
        { id: 5, lead_score: false, lead_score_trend: false },
    ];
}

defineModels([Lead]);
defineMailModels();

const row = (number) => `.o_data_row:eq(${number - 1})`;

async function showList(options = "") {
    await mountView({
        type: "list",
        resModel: "crm.lead",
        arch: /* xml */ `
            <list>
                <field name="lead_score" widget="lead_score" ${options} />
                <field name="lead_score_trend" widget="lead_score_trend" />
            </list>`,
    });
}

test("a score in a list is a number with a bar as long as it", async () => {
    await showList(`options="{'show_bar': True}"`);
    expect(`${row(1)} .o_lead_score`).toHaveText("82");
    expect(queryFirst(`${row(1)} .o_lead_score_bar > span`).style.width).toBe("82%");
    expect(`${row(3)} .o_lead_score`).toHaveText("7");
    // The number says it all: the bar is not read out.
    expect(`${row(1)} .o_lead_score_bar`).toHaveAttribute("aria-hidden", "true");
});

test("without the option there is no bar", async () => {
    await showList();
    expect(`${row(1)} .o_lead_score`).toHaveText("82");
    expect(".o_lead_score_bar").toHaveCount(0);
});

test("a lead without score is blank", async () => {
    await showList(`options="{'show_bar': True}"`);
    expect(`${row(5)} td[name=lead_score]`).toHaveText("");
    expect(`${row(5)} .o_lead_score_bar`).toHaveCount(0);
    expect(`${row(5)} .o_lead_score_trend`).toHaveCount(0);
});

test("a trend is an arrow whose word is its tooltip and is read out", async () => {
    await showList();
    for (const [number, icon, word] of [
        [1, "fa-arrow-up", "Improving"],
        [2, "fa-arrow-right", "Steady"],
        [3, "fa-arrow-down", "Declining"],
        [4, "fa-minus", "Not enough info"],
    ]) {
        expect(`${row(number)} .o_lead_score_trend`).toHaveAttribute("title", word);
        expect(`${row(number)} .o_lead_score_trend .${icon}`).toHaveAttribute("aria-hidden", "true");
        expect(`${row(number)} .o_lead_score_trend .visually-hidden`).toHaveText(word);
    }
});
