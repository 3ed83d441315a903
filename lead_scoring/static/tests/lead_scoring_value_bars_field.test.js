import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { expect, test } from "@odoo/hoot";
import { queryAll, queryAllTexts } from "@odoo/hoot-dom";
import { contains, defineModels, fields, models, mountView } from "@web/../tests/web_test_helpers";

class Feature extends models.Model {
    _name = "lead.scoring.feature";
    win_rates = fields.Json();
    _records = [];
}

defineModels([Feature]);
defineMailModels();

async function showBars(win_rates) {
    Feature._records = [{ id: 1, win_rates }];
    await mountView({
        type: "form",
        resModel: "lead.scoring.feature",
        resId: 1,
        arch: /* xml */ `<form edit="0"><field name="win_rates" widget="lead_scoring_value_bars"/></form>`,
    });
}

const texts = (column) => queryAllTexts(`.o_lead_scoring_value_bars tbody tr > :nth-child(${column})`);
const styles = (selector, property) => queryAll(selector).map((element) => element.style[property]);

test("each value has a bar, its rate and its counts beside the overall rate", async () => {
    await showBars({
        overall: 0.4,
        values: [
            { label: "Referral", closed: 120, won: 96 },
            { label: "Cold call", closed: 1000, won: 200 },
            { label: "Fair", closed: 4, won: 1 },
            { label: false, closed: 0, won: 0 },
        ],
    });
    expect(texts(1)).toEqual(["Referral", "Cold call", "Fair", "(empty)"]);
    expect(texts(3)).toEqual(["80.0%", "20.0%", "25.0%", ""]);
    expect(texts(4)).toEqual(["96 of 120", "200 of 1,000", "1 of 4", "none closed"]);
    // The highest rate takes the whole width.
    expect(styles(".o_lead_scoring_bar", "width")).toEqual(["100%", "25%", "31.25%", "0%"]);
    expect(styles(".o_lead_scoring_overall", "insetInlineStart")).toEqual(Array(4).fill("50%"));
    expect(".o_lead_scoring_bar:first").toHaveClass("bg-success");
    expect(".o_lead_scoring_bar:eq(1)").toHaveClass("bg-danger");
    expect(".o_lead_scoring_bar:eq(1)").not.toHaveClass("opacity-50");
    expect(".o_lead_scoring_bar:eq(2)").toHaveClass("opacity-50");
    expect("caption").toHaveText(/The line marks 40.0%, the win rate of all closed leads\. Pale bars/);
});

test("without an overall rate there is no line", async () => {
    await showBars({ values: [{ label: "Referral", closed: 20, won: 10 }] });
    expect(texts(3)).toEqual(["50.0%"]);
    expect(".o_lead_scoring_overall").toHaveCount(0);
    expect("caption").toHaveText("");
});

test("many values are shown on demand", async () => {
    const values = Array.from({ length: 15 }, (_, index) => ({ label: `Value ${index}`, closed: 50, won: index }));
    await showBars({ overall: 0.1, values });
    expect(texts(1)).toHaveLength(12);
    await contains("button:contains(Show 3 more)").click();
    expect(texts(1)).toHaveLength(15);
    expect(".o_lead_scoring_value_bars button").toHaveCount(0);
});

for (const [title, value] of [
    ["no value", false],
    ["an empty object", {}],
    ["no values", { overall: 0.3, values: [] }],
    ["values of another shape", { overall: 0.3, values: [{ label: "Referral" }] }],
]) {
    test(`${title} is one sentence`, async () => {
        await showBars(value);
        expect(".o_lead_scoring_value_bars").toHaveText("No closed lead has a value to show.");
        expect("table").toHaveCount(0);
    });
}
