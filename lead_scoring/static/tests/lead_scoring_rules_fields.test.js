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
    expect(".o_lead_related_scores [class*=o_badge_color]").toHaveCount(1);
    expect(".o_lead_related_scores .fa-arrow-up").toHaveCount(2);
});
