import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { expect, test } from "@odoo/hoot";
import { queryAllTexts } from "@odoo/hoot-dom";
import { defineModels, fields, models, mountView } from "@web/../tests/web_test_helpers";

class Lead extends models.Model {
    _name = "crm.lead";
    reasons = fields.Json();
    scores = fields.Json();
    _records = [];
}

defineModels([Lead]);
defineMailModels();

async function show(values, widget) {
    Lead._records = [{ id: 1, ...values }];
    const [name] = Object.keys(values);
    await mountView({
        type: "form",
        resModel: "crm.lead",
        resId: 1,
        arch: /* xml */ `<form edit="0"><field name="${name}" widget="${widget}"/></form>`,
    });
}

const reason = (number, points) => ({ feature: `rule.${number}`, label: "", value: "", points, text: `Rule ${number}` });

test("all rules that fired are shown, because they add up to the raw points", async () => {
    const reasons = [...Array.from({ length: 8 }, (_, index) => reason(index, 20)), reason(8, -2.5)];
    await show({ reasons: { score: 100, raw: 157.5, reasons } }, "lead_score_reasons");
    expect(".o_lead_score_reasons li").toHaveCount(9);
    expect(queryAllTexts(".o_lead_score_reasons li").at(-1)).toMatch(/^-2\.5\s*Rule 8$/);
    expect(".o_lead_score_reasons").toHaveText(/The rules give 157\.5 points in all/);
    expect(".o_lead_score_reasons").not.toHaveText(/average lead/);
});

test("a lead that no rule gives points to says so", async () => {
    await show({ reasons: { score: 0, raw: 0, reasons: [] } }, "lead_score_reasons");
    expect(".o_lead_score_reasons").toHaveText(/No rule gives this lead points\./);
    expect(".o_lead_score_reasons").toHaveText(/No rule takes points from this lead\./);
});

test("the scores of several models stand side by side with their kind", async () => {
    const score = { grade: "A", color: 10, trend: "up", trend_words: "Improving", outdated: false };
    const scores = [
        { ...score, id: 1, model: "Likely to be won", kind: "Predictive", score: 81, own: true },
        { ...score, id: 2, model: "Engagement", kind: "Rules", score: 40, own: false, grade: null, outdated: true },
    ];
    await show({ scores }, "lead_related_scores");
    expect(queryAllTexts(".o_lead_related_scores tbody td:nth-child(2)")).toEqual(["Predictive", "Rules"]);
    expect(queryAllTexts(".o_lead_related_scores tbody td:nth-child(3)")).toEqual(["81", "40"]);
    expect(".o_lead_related_scores tr:eq(1)").toHaveText(/gives the lead its score/);
    expect(".o_lead_related_scores tr:eq(2)").toHaveText(/out of date/);
    expect(".o_lead_related_scores .badge").toHaveCount(1);
    expect(".o_lead_related_scores .fa-arrow-up").toHaveCount(2);
});
