import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { expect, test } from "@odoo/hoot";
import { queryAllAttributes, queryAllTexts, queryOne } from "@odoo/hoot-dom";
import { defineModels, fields, models, mountView } from "@web/../tests/web_test_helpers";
import { setupChartJsForTests } from "@web/../tests/views/graph/graph_test_helpers";

const FULL = {
    method: "out_of_time",
    metrics: {
        auc: 0.731,
        auc_interval: [0.702, 0.76],
        log_loss: 0.602,
        log_loss_skill: 0.123,
        log_loss_skill_interval: [0.081, 0.165],
        brier: 0.209,
        calibration_error: 0.021,
        lift_top_tenth: 1.84,
        base_rate: 0.44,
        n_won: 440,
        n_lost: 560,
    },
    train: { won: 1600, lost: 2400, base_rate: 0.4 },
    test: { won: 440, lost: 560, base_rate: 0.44, open_at_cut: 120 },
    drift: false,
    gate: "ready",
    gate_reason: "order_and_probabilities",
    gate_figures: { auc_low: 0.7029, log_loss_skill_low: 0.081 },
    curves: {
        roc: { false_won: [0, 0.1, 0.3, 1], true_won: [0, 0.3, 0.7, 1] },
        gain: { leads: [0, 0.1, 0.33, 0.5, 1], won: [0, 0.2, 0.5, 0.7, 1] },
        calibration: [
            { predicted: 0.12, won: 0.1, low: 0.06, high: 0.17, leads: 100 },
            { predicted: 0.78, won: 0.8, low: 0.71, high: 0.87, leads: 100 },
        ],
        histogram: { won: [0, 5, 10, 25], lost: [25, 10, 5, 0] },
        confusion: {
            threshold: 0.41,
            true_won: 0.31,
            false_won: 0.18,
            true_lost: 0.38,
            false_lost: 0.13,
            accuracy: 0.69,
            precision: 0.633,
            recall: 0.705,
            f1: 0.667,
        },
    },
    features: [
        { name: "source_id", influence: 0.5 },
        { name: "country_id", influence: 0.3 },
        { name: "x_unknown", influence: 0.2 },
    ],
    pairs: [{ features: ["source_id", "country_id"], influence: 0.05 }],
    challenge: null,
};

class Version extends models.Model {
    _name = "lead.scoring.model.version";
    report = fields.Json();
    feature_labels = fields.Json();
    _records = [];
}

defineModels([Version]);
defineMailModels();
setupChartJsForTests();

async function showReport(report, labels = { source_id: "Source", country_id: "Country" }) {
    Version._records = [{ id: 1, report, feature_labels: labels }];
    await mountView({
        type: "form",
        resModel: "lead.scoring.model.version",
        resId: 1,
        arch: /* xml */ `<form edit="0"><field name="report" widget="lead_scoring_report"/></form>`,
    });
}

const gist = (chart) => queryOne(`[data-chart=${chart}] canvas`).getAttribute("aria-label");

const chartOf = (chart) => Chart.getChart(queryOne(`[data-chart=${chart}] canvas`));

test("a full report says the verdict, the figures and the charts in words", async () => {
    await showReport(FULL);
    expect(".o_lead_scoring_gate").toHaveClass("alert-success");
    expect(".o_lead_scoring_gate strong").toHaveText("Ready");
    // 0.7029 is cut, not rounded: a lower bound says no more than is sure.
    expect(".o_lead_scoring_gate").toHaveText(/at least 70.2% of cases \(chance: 50%\)/);
    expect(".o_lead_scoring_gate").toHaveText(/log loss is at least 8.1% below/);
    expect(".o_lead_scoring_drift").toHaveCount(0);
    expect(".o_lead_scoring_challenge").toHaveCount(0);
    expect(".o_lead_scoring_measured").toHaveText(/the 1,000 leads that closed last.* the 4,000 older ones/);
    expect(".o_lead_scoring_measured").toHaveText(/120 of those tested were already open then/);
    expect(queryAllTexts("[data-figure] dt")).toEqual([
        "AUC",
        "Log loss",
        "Brier score",
        "Calibration error",
        "Lift of the best tenth",
        "Win rate",
    ]);
    expect(queryAllTexts("[data-figure] .fs-3")).toEqual([
        "0.731",
        "0.602",
        "0.209",
        "2.1%",
        "1.8",
        "40.0%, then 44.0%",
    ]);
    expect("[data-figure=auc]").toHaveText(/95% interval 0.702 to 0.760/);
    expect("[data-figure=auc]").toHaveText(/in 73 of 100 cases/);
    expect("[data-figure=log_loss]").toHaveText(/12.3% below .* \(95% interval 8.1% to 16.5%/);
    expect(queryAllAttributes("[data-chart]", "data-chart")).toEqual([
        "roc",
        "calibration",
        "gain",
        "histogram",
        "features",
    ]);
});

test("each chart has a text alternative with its gist", async () => {
    await showReport(FULL);
    expect(queryAllAttributes("[data-chart] canvas", "role")).toEqual(Array(5).fill("img"));
    expect(gist("roc")).toMatch(/73.1% of the area/);
    expect(gist("roc")).toMatch(/Half of the won leads are found at the price of 30% of the lost ones/);
    expect(gist("calibration")).toMatch(/Where scores say 12%, 10% were won; where they say 78%, 80%/);
    expect(gist("gain")).toMatch(/best tenth of the leads holds 20% .* third 50%, the best half 70%/);
    expect(gist("histogram")).toMatch(/Half of the won leads score 15 or more, half of the lost ones 4 or less/);
    expect(gist("features")).toMatch(/Source \(50%\), Country \(30%\),? and x_unknown \(20%\)/);
});

test("charts draw the report's numbers", async () => {
    await showReport(FULL);
    expect(chartOf("roc").data.datasets[0].data[2]).toEqual({ x: 0.3, y: 0.7 });
    expect(chartOf("gain").data.datasets[0].data[1]).toEqual({ x: 0.1, y: 0.2 });
    expect(chartOf("calibration").data.datasets[0].data).toEqual([
        { x: 0.12, y: 0.1 },
        { x: 0.78, y: 0.8 },
    ]);
    expect(chartOf("histogram").data.labels).toEqual(["0-4", "5-9", "10-14", "15-100"]);
    expect(chartOf("histogram").data.datasets.map(({ label, data }) => [label, data])).toEqual([
        ["Won", [0, 5, 10, 25]],
        ["Lost", [25, 10, 5, 0]],
    ]);
    expect(chartOf("features").data.labels).toEqual(["Source", "Country", "x_unknown", "Source with Country"]);
    expect(chartOf("features").data.datasets[0].data).toEqual([0.5, 0.3, 0.2, 0.05]);
});

test("the confusion matrix is a table, read out in sentences", async () => {
    await showReport(FULL);
    expect(queryAllTexts(".o_lead_scoring_confusion tbody td")).toEqual(["31.0%", "18.0%", "13.0%", "38.0%"]);
    expect(".o_lead_scoring_confusion caption").toHaveText(/score of 41 or more are called likely/);
    expect(".o_lead_scoring_confusion").toHaveText(/Of 100 leads called likely, 63 were won/);
    expect(".o_lead_scoring_confusion").toHaveText(/Of 100 won leads, 71 had been called likely/);
    expect(".o_lead_scoring_confusion").toHaveText(/Of 100 leads, 69 became .* gets 56/);
});

test("a model that is not ready says why", async () => {
    await showReport({
        ...FULL,
        gate: "not_ready",
        gate_reason: "no_signal",
        gate_figures: { auc_low: 0.481, log_loss_skill_low: -0.012 },
    });
    expect(".o_lead_scoring_gate").toHaveClass("alert-danger");
    expect(".o_lead_scoring_gate strong").toHaveText("Not ready to publish");
    expect(".o_lead_scoring_gate").toHaveText(/These fields do not tell won leads from lost ones/);
    expect(".o_lead_scoring_gate").toHaveText(/at least 48.1% of cases/);
    expect(".o_lead_scoring_gate").toHaveText(/may be up to 1.2% above/);
});

test("a model to use with care says with what care", async () => {
    const careful = { ...FULL, gate: "careful", gate_figures: {} };
    await showReport({ ...careful, gate_reason: "order_alone" });
    expect(".o_lead_scoring_gate").toHaveClass("alert-warning");
    expect(".o_lead_scoring_gate").toHaveText(/Sort by the score; do not read it as a percentage\.$/);
});

test("drift is a warning with what it means for the scores", async () => {
    await showReport({ ...FULL, drift: true, train: { won: 64, lost: 936, base_rate: 0.064 } });
    expect(".o_lead_scoring_drift").toHaveText(/rose from 6.4% to 44.0%.* scores are lower than what comes true/);
});

test("falling win rates are warned of likewise", async () => {
    await showReport({ ...FULL, drift: true, train: { won: 800, lost: 200, base_rate: 0.8 } });
    expect(".o_lead_scoring_drift").toHaveText(/fell from 80.0% to 44.0%.* scores are higher than what comes true/);
});

test("cross-validation is told as such, with one win rate", async () => {
    const part = { won: 60, lost: 90, base_rate: 0.4 };
    await showReport({ ...FULL, method: "cross_validation", train: part, test: part });
    expect(".o_lead_scoring_measured").toHaveText(/cross-validation.*150 leads took part/);
    expect("[data-figure=base_rate] .fs-3").toHaveText("40.0%");
});

test("a challenge is told with its interval", async () => {
    await showReport({
        ...FULL,
        challenge: {
            publish: true,
            reason: "not_worse",
            gain: 0.0123,
            gain_interval: [0.002, 0.02],
            champion_log_loss: 0.614,
            challenger_log_loss: 0.602,
        },
    });
    expect(".o_lead_scoring_challenge").toHaveText(/0.602 instead of 0.614, a gain of 0.0123 .*may take its place/);
});

test("an older report shows what it has, and nothing else", async () => {
    await showReport(
        {
            method: "out_of_time",
            metrics: { auc: 0.7 },
            features: [{ name: "source_id", influence: 1 }],
            curves: { roc: { false_won: [0, 1], true_won: [0, 1] }, confusion: {} },
        },
        false,
    );
    expect(".o_lead_scoring_gate").toHaveCount(0);
    expect(".o_lead_scoring_measured").toHaveText(/newest leads/);
    expect(queryAllAttributes("[data-figure]", "data-figure")).toEqual(["auc"]);
    expect(queryAllAttributes("[data-chart]", "data-chart")).toEqual(["roc", "features"]);
    expect(".o_lead_scoring_confusion").toHaveCount(0);
    expect(gist("features")).toMatch(/source_id \(100%\)/);
});

test("nulls in a report are left out like what is missing", async () => {
    await showReport({
        ...FULL,
        metrics: { ...FULL.metrics, brier: null, log_loss_skill: null },
        gate_figures: null,
        curves: { roc: null, gain: null, calibration: null, histogram: null, confusion: null },
        features: [{ name: "source_id", influence: null }],
        pairs: null,
    });
    expect(".o_lead_scoring_gate strong").toHaveText("Ready");
    expect("[data-figure=brier]").toHaveCount(0);
    expect("[data-figure=log_loss]").toHaveText(/lower is better/);
    expect("canvas").toHaveCount(0);
    expect(".o_lead_scoring_confusion").toHaveCount(0);
});

for (const [title, report] of [
    ["no report", false],
    ["an empty report", {}],
]) {
    test(`${title} is one sentence`, async () => {
        await showReport(report);
        expect(".o_lead_scoring_report").toHaveText("This version has no report.");
        expect("canvas").toHaveCount(0);
    });
}

test("where qualified leads are predicted, the words say so", async () => {
    await showReport({ ...FULL, drift: true, specification: { outcome: "qualified" } });
    const text = queryOne(".o_lead_scoring_report").textContent;
    expect(text).toInclude("It surely puts qualified leads above lost ones");
    expect(text).toInclude("The qualification rate rose from 40.0% to 44.0%");
    expect(text).toInclude("Qualified leads above lost ones (ROC)");
    expect(text).not.toMatch(/\bwon\b/i);
    expect(text).not.toInclude("win rate");
});
