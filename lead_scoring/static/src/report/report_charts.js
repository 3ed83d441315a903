/**
 * The pictures of a report: what each shows in a sentence, and how Chart.js draws it.
 *
 * Each function returns {name, title, gist, config, height}, config a function of the theme's colours, or null where the
 * report has nothing to draw.
 */
import { _t } from "@web/core/l10n/translation";

import { count, known, percent } from "./numbers";
import { termsOf } from "./outcome_words";

const FEATURES_SHOWN = 12;
const PAIRS_SHOWN = 5;
const HISTOGRAM_STEP = 5;
const LETTER = 7;

const points = (xs, ys) => xs.map((x, index) => ({ x, y: ys[index] }));

const filled = (list) => Array.isArray(list) && list.length > 0;

export function chartsOf(report, labels = {}) {
    const { roc, calibration, gain, histogram } = report.curves || {};
    const terms = termsOf(report);
    return [
        rocChart(roc, report.metrics, terms),
        calibrationChart(calibration, report.metrics, terms),
        gainChart(gain, terms),
        histogramChart(histogram, terms),
        featuresChart(report.features, report.pairs, labels),
    ].filter(Boolean);
}

export function rocChart(roc, metrics, terms = termsOf({})) {
    if (!filled(roc?.true_won) || !filled(roc?.false_won)) {
        return null;
    }
    const at = roc.true_won.findIndex((share) => share >= 0.5);
    const sentences = [
        _t("Half of the %(is_won)s leads are found at the price of %(share)s of the lost ones.", {
...terms,
            share: percent(roc.false_won[at] ?? 1),
        }),
        _t("The dashed line is chance: the farther above it, the better."),
    ];
    if (known(metrics?.auc)) {
        sentences.unshift(_t("%(share)s of the area lies below the curve (AUC).", { share: percent(metrics.auc, 1) }));
    }
    return {
        name: "roc",
        title: _t("%(Is_won)s leads above lost ones (ROC)", terms),
        gist: sentences.join(" "),
        config: (theme) =>
            lineChart(theme, {
                x: _t("Lost leads called likely"),
                y: _t("%(Is_won)s leads called likely", terms),
                datasets: [
                    curve(theme.model, _t("This version"), points(roc.false_won, roc.true_won)),
                    dashed(theme, _t("Chance")),
                ],
            }),
    };
}

export function calibrationChart(calibration, metrics, terms = termsOf({})) {
    const rows = (calibration || []).filter(({ predicted, won }) => known(predicted) && known(won));
    if (!rows.length) {
        return null;
    }
    const [first, last] = [rows[0], rows[rows.length - 1]];
    const sentences = [
        _t("Where scores say %(low)s, %(low_won)s were %(is_won)s; where they say %(high)s, %(high_won)s.", {
...terms,
            low: percent(first.predicted),
            low_won: percent(first.won),
            high: percent(last.predicted),
            high_won: percent(last.won),
        }),
    ];
    if (known(metrics?.calibration_error)) {
        sentences.push(_t("On average they differ by %(error)s.", { error: percent(metrics.calibration_error, 1) }));
    }
    sentences.push(_t("On the dashed line scores are true; bars show the %(sure)s interval.", { sure: percent(0.95) }));
    const reach = Math.ceil(10 * Math.max(...rows.flatMap((row) => [row.predicted, row.high ?? row.won]))) / 10;
    return {
        name: "calibration",
        title: _t("Are the scores true? (Calibration)"),
        gist: sentences.join(" "),
        config: (theme) =>
            lineChart(theme, {
                x: _t("What scores say"),
                y: _t("What was %(is_won)s", terms),
                reach,
                datasets: [
                    {
                        ...curve(theme.model, _t("This version"), points(...columns(rows, "predicted", "won"))),
                        pointRadius: 4,
                    },
                    dashed(theme, _t("True scores")),
                ],
                tooltip: ({ dataIndex, datasetIndex, parsed }) =>
                    datasetIndex || !rows[dataIndex] ? percent(parsed.y) : rangeWords(rows[dataIndex], terms),
                plugins: [intervalBars(rows, theme.model)],
            }),
    };
}

function columns(rows, ...keys) {
    return keys.map((key) => rows.map((row) => row[key]));
}

function rangeWords({ won, low, high, leads }, terms) {
    const share = known(low)
        ? _t("%(won)s %(is_won)s (%(low)s to %(high)s)", { ...terms, won: percent(won), low: percent(low), high: percent(high) })
        : _t("%(won)s %(is_won)s", { ...terms, won: percent(won) });
    return known(leads) ? _t("%(share)s of %(leads)s leads", { share, leads: count(leads) }) : share;
}

/** Chart.js has no error bars: a plugin draws each point's interval as a vertical line. */
function intervalBars(rows, color) {
    return {
        id: "intervalBars",
        beforeDatasetsDraw({ ctx, scales: { x, y } }) {
            ctx.save();
            ctx.strokeStyle = color;
            ctx.lineWidth = 1.5;
            for (const { predicted, low, high } of rows) {
                if (known(low) && known(high)) {
                    const at = x.getPixelForValue(predicted);
                    ctx.beginPath();
                    for (const end of [low, high]) {
                        ctx.moveTo(at - 4, y.getPixelForValue(end));
                        ctx.lineTo(at + 4, y.getPixelForValue(end));
                    }
                    ctx.moveTo(at, y.getPixelForValue(low));
                    ctx.lineTo(at, y.getPixelForValue(high));
                    ctx.stroke();
                }
            }
            ctx.restore();
        },
    };
}

/** ROC and calibration of two versions in one picture each; only of what both have. */
export function comparedCharts(sides) {
    const terms = termsOf(sides[0].report);
    const curvesOf = (name) => sides.map(({ report }) => report.curves?.[name]);
    const drawn = (theme, pairs) =>
        pairs.map((data, index) => curve(index ? theme.model : theme.lost, sides[index].name, data));
    const both = { older: sides[0].name, newer: sides[1].name };
    const [rocs, calibrations] = [curvesOf("roc"), curvesOf("calibration")];
    return [
        rocs.every((roc) => filled(roc?.true_won) && filled(roc?.false_won)) && {
            name: "roc",
            title: _t("%(Is_won)s leads above lost ones (ROC)", terms),
            gist: _t("%(older)s and %(newer)s: the farther above the dashed line, which is chance, the better.", both),
            config: (theme) =>
                lineChart(theme, {
                    x: _t("Lost leads called likely"),
                    y: _t("%(Is_won)s leads called likely", terms),
                    datasets: [
                        ...drawn(
                            theme,
                            rocs.map((roc) => points(roc.false_won, roc.true_won)),
                        ),
                        dashed(theme, _t("Chance")),
                    ],
                }),
        },
        calibrations.every(filled) && {
            name: "calibration",
            title: _t("Are the scores true? (Calibration)"),
            gist: _t("%(older)s and %(newer)s: the closer to the dashed line, the truer the scores.", both),
            config: (theme) =>
                lineChart(theme, {
                    x: _t("What scores say"),
                    y: _t("What was %(is_won)s", terms),
                    datasets: [
                        ...drawn(
                            theme,
                            calibrations.map((rows) => points(...columns(rows, "predicted", "won"))),
                        ),
                        dashed(theme, _t("True scores")),
                    ],
                }),
        },
    ].filter(Boolean);
}

export function gainChart(gain, terms = termsOf({})) {
    if (!filled(gain?.leads) || !filled(gain?.won)) {
        return null;
    }
    const wonAt = (share) => gain.won[gain.leads.findIndex((leads) => leads >= share)] ?? 1;
    return {
        name: "gain",
        title: _t("Best leads first (Gain)"),
        gist: _t(
            "The best tenth of the leads holds %(tenth)s of the %(is_won)s ones, the best third %(third)s, the best half %(half)s. In random order, the dashed line, it would be as many as the leads called.",
            { ...terms, tenth: percent(wonAt(0.1)), third: percent(wonAt(0.33)), half: percent(wonAt(0.5)) },
        ),
        config: (theme) =>
            lineChart(theme, {
                x: _t("Leads called, best first"),
                y: _t("%(Is_won)s leads among them", terms),
                datasets: [
                    curve(theme.model, _t("This version"), points(gain.leads, gain.won)),
                    dashed(theme, _t("Random order")),
                ],
            }),
    };
}

export function histogramChart(histogram, terms = termsOf({})) {
    if (!filled(histogram?.won) || !filled(histogram?.lost)) {
        return null;
    }
    const ranges = histogram.won.map((_leads, index) => {
        const low = index * HISTOGRAM_STEP;
        const high = index === histogram.won.length - 1 ? 100 : low + HISTOGRAM_STEP - 1;
        return `${low}-${high}`;
    });
    return {
        name: "histogram",
        title: _t("Scores of %(is_won)s and lost leads", terms),
        gist: _t(
            "Half of the %(is_won)s leads score %(won)s or more, half of the lost ones %(lost)s or less. The farther apart the two heaps, the better.",
            { ...terms, won: medianRange(histogram.won), lost: medianRange(histogram.lost, true) },
        ),
        config: (theme) => ({
            type: "bar",
            data: {
                labels: ranges,
                datasets: [
                    { label: terms.Is_won, data: [...histogram.won], backgroundColor: theme.won },
                    { label: _t("Lost"), data: [...histogram.lost], backgroundColor: theme.lost },
                ].map((dataset) => ({ ...dataset, categoryPercentage: 0.9, barPercentage: 1 })),
            },
            options: options(theme, {
                scales: {
                    x: axis(theme, _t("Score"), { grid: false, ticks: { maxRotation: 0, autoSkipPadding: 8 } }),
                    y: axis(theme, _t("Leads"), { beginAtZero: true, ticks: { precision: 0 } }),
                },
                tooltip: ({ dataset, parsed }) =>
                    _t("%(kind)s: %(leads)s", { kind: dataset.label, leads: count(parsed.y) }),
            }),
        }),
    };
}

/** The score that half of the leads reach, by the edge of its range: the lower one, or the upper one. */
function medianRange(counts, upper = false) {
    const half = counts.reduce((sum, leads) => sum + leads, 0) / 2;
    let below = 0;
    const index = counts.findIndex((leads) => (below += leads) >= half);
    const low = Math.max(index, 0) * HISTOGRAM_STEP;
    return count(!upper ? low : index === counts.length - 1 ? 100 : low + HISTOGRAM_STEP - 1);
}

export function featuresChart(features, pairs, labels) {
    const ranked = (features || []).filter(({ influence }) => known(influence));
    if (!ranked.length) {
        return null;
    }
    const label = (name) => labels[name] || name;
    const alone = ranked.slice(0, FEATURES_SHOWN);
    const together = (pairs || []).filter(({ influence }) => known(influence)).slice(0, PAIRS_SHOWN);
    const rows = [
        ...alone.map(({ name, influence }) => ({ label: label(name), influence })),
        ...together.map(({ features: [a, b], influence }) => ({
            label: _t("%(feature)s with %(other)s", { feature: label(a), other: label(b) }),
            influence,
            pair: true,
        })),
    ];
    const top = alone
        .slice(0, 3)
        .map(({ name, influence }) =>
            _t("%(feature)s (%(share)s)", { feature: label(name), share: percent(influence) }),
        );
    const sentences = [
        _t("The most influential: %(features)s.", { features: top }),
        _t("Influence is the share in what makes scores differ."),
    ];
    if (ranked.length > alone.length) {
        sentences.push(
            _t("%(others)s features with less influence are not drawn.", {
                others: count(ranked.length - alone.length),
            }),
        );
    }
    if (together.length) {
        sentences.push(
            _t("Pairs, the paler bars, tell more together than apart; the bars of their features hold that already."),
        );
    }
    return {
        name: "features",
        title: _t("What the scores depend on"),
        gist: sentences.join(" "),
        height: 70 + 24 * rows.length,
        wide: true,
        config: (theme) => ({
            type: "bar",
            data: {
                labels: rows.map((row) => row.label),
                datasets: [
                    {
                        label: _t("Influence"),
                        data: rows.map((row) => row.influence),
                        backgroundColor: rows.map((row) => (row.pair ? theme.pair : theme.model)),
                    },
                ],
            },
            options: options(theme, {
                indexAxis: "y",
                legend: false,
                scales: {
                    x: axis(theme, _t("Influence"), {
                        beginAtZero: true,
                        ticks: { callback: (value) => percent(value) },
                    }),
                    y: axis(theme, "", {
                        grid: false,
                        ticks: {
                            autoSkip: false,
                            callback(_value, index) {
                                return shortened(rows[index].label, this.chart.width);
                            },
                        },
                    }),
                },
                tooltip: ({ parsed }) => percent(parsed.x, 1),
            }),
        }),
    };
}

/** Labels may take a third of a chart, at some 7 pixels a letter. */
function shortened(label, width) {
    const letters = Math.max(Math.floor(width / 3 / LETTER), 12);
    return label.length > letters ? `${label.slice(0, letters - 1)}…` : label;
}

// ---- what the charts share

function curve(color, label, data) {
    return {
        label,
        data,
        borderColor: color,
        backgroundColor: color,
        borderWidth: 2,
        pointRadius: 0,
        pointHitRadius: 8,
    };
}

function dashed(theme, label) {
    return {
        ...curve(theme.muted, label, points([0, 1], [0, 1])),
        borderDash: [6, 4],
        borderWidth: 1,
        pointHitRadius: 0,
    };
}

function lineChart(theme, { x, y, datasets, tooltip, plugins = [], reach = 1 }) {
    const shares = { min: 0, max: reach, type: "linear", ticks: { callback: (value) => percent(value) } };
    return {
        type: "line",
        data: { datasets },
        options: options(theme, {
            scales: { x: axis(theme, x, shares), y: axis(theme, y, shares) },
            title: () => "",
            legendStyle: "line",
            tooltip:
                tooltip ||
                (({ parsed }) =>
                    _t("%(y)s: %(y_share)s; %(x)s: %(x_share)s", {
                        y,
                        y_share: percent(parsed.y),
                        x,
                        x_share: percent(parsed.x),
                    })),
        }),
        plugins,
    };
}

function axis(theme, title, { ticks, grid = true, ...others } = {}) {
    return {
        ...others,
        title: { display: Boolean(title), text: title, color: theme.text },
        grid: { display: grid, color: theme.grid },
        border: { color: theme.grid },
        ticks: { color: theme.text, ...ticks },
    };
}

function options(theme, { scales, tooltip, title, legend = true, legendStyle = "rect", indexAxis = "x" }) {
    return {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        indexAxis,
        scales,
        plugins: {
            legend: {
                display: legend,
                position: "bottom",
                labels: { color: theme.text, usePointStyle: true, pointStyle: legendStyle },
            },
            tooltip: { callbacks: { label: tooltip, ...(title ? { title } : {}) } },
        },
    };
}
