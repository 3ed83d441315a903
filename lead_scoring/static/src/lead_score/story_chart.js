import { _t } from "@web/core/l10n/translation";
import { deserializeDateTime, formatDate, toLocaleDateTimeString } from "@web/core/l10n/dates";
import { utils } from "@web/core/ui/ui_service";

const TWO_DAYS = 2 * 24 * 3600 * 1000;

/**
 * The line of a lead's score over time, on the bands of its grades, with the moves between stages.
 *
 * @param {object} story what get_lead_score_story returns, with one change or more
 * @returns {{name: string, title: string, gist: string, config: function, height: number}} props of ReportChart
 */
export function storyChart({ changes, stages, grades }) {
    const points = changes.map(({ date, score }) => ({ x: millis(date), y: score }));
    const now = Date.now();
    const last = points[points.length - 1];
    // The present score is as true now as it was when it last changed.
    points.push({ x: Math.max(now, last.x), y: last.y });
    const moves = stages.map((stage) => ({ ...stage, x: millis(stage.date) }));
    const labelOf = points[points.length - 1].x - points[0].x < TWO_DAYS ? timeOf : dayOf;
    return {
        name: "story",
        title: _t("Score over time"),
        gist: gistOf(changes),
        height: 200,
        config: (theme) => ({
            type: "line",
            data: {
                datasets: [
                    {
                        label: _t("Score"),
                        data: points,
                        stepped: true,
                        borderColor: theme.text, // it crosses bands of all colours
                        backgroundColor: theme.text,
                        borderWidth: 2,
                        pointRadius: points.map((_, index) => (index < changes.length ? 3 : 0)),
                    },
                ],
            },
            options: {
                animation: false,
                responsive: true,
                maintainAspectRatio: false,
                interaction: { mode: "nearest", intersect: false },
                plugins: {
                    legend: { display: false },
                    tooltip: { callbacks: { title: ([{ parsed }]) => dayOf(parsed.x) } },
                },
                scales: {
                    x: {
                        type: "linear",
                        min: points[0].x,
                        max: points[points.length - 1].x,
                        grid: { display: false },
                        ticks: {
                            color: theme.muted,
                            maxTicksLimit: utils.isSmall() ? 3 : 6, // as many dates as stand side by side
                            maxRotation: 0,
                            // What the tick before says is not said again.
                            callback: (value, index, ticks) =>
                                index && labelOf(ticks[index - 1].value) === labelOf(value) ? "" : labelOf(value),
                        },
                    },
                    y: { min: 0, max: 100, grid: { color: theme.grid }, ticks: { color: theme.muted, stepSize: 25 } },
                },
            },
            plugins: [gradeBands(grades, theme), stageLines(moves, theme)],
        }),
    };
}

const millis = (date) => deserializeDateTime(date).toMillis();

const dayOf = (value) => formatDate(luxon.DateTime.fromMillis(value));

const timeOf = (value) =>
    toLocaleDateTimeString(luxon.DateTime.fromMillis(value), { showDate: false, showTime: true, showSeconds: false });

function gistOf(changes) {
    const scores = changes.map(({ score }) => score);
    if (changes.length === 1) {
        return _t("The score has not changed since the first one, %(score)s.", { score: scores[0] });
    }
    return _t("From %(first)s to %(last)s; lowest %(low)s, highest %(high)s; number of changes: %(count)s.", {
        first: scores[0],
        last: scores[scores.length - 1],
        count: changes.length - 1,
        low: Math.min(...scores),
        high: Math.max(...scores),
    });
}

/** A band for each grade in its colour, with its name at the right. */
function gradeBands(grades, theme) {
    return {
        id: "gradeBands",
        beforeDraw({ ctx, chartArea, scales: { y } }) {
            ctx.save();
            for (const { name, color, min, max } of grades) {
                // Bands meet half way between the scores of two grades.
                const top = y.getPixelForValue(Math.min(max + 0.5, 100));
                const bottom = y.getPixelForValue(Math.max(min - 0.5, 0));
                ctx.globalAlpha = 0.25;
                ctx.fillStyle = colorOf(color);
                ctx.fillRect(chartArea.left, top, chartArea.width, bottom - top);
                ctx.globalAlpha = 1;
                ctx.fillStyle = theme.text;
                ctx.textAlign = "right"; // "end" is the left where one reads right to left
                ctx.textBaseline = "middle";
                ctx.fillText(name, chartArea.right - 6, (top + bottom) / 2);
            }
            ctx.restore();
        },
    };
}

/** The colour that the grade's badge has on this page, be it light or dark. */
function colorOf(color) {
    const badge = document.createElement("span");
    badge.className = `badge o_badge_color_${color}`;
    document.body.append(badge);
    const found = getComputedStyle(badge).backgroundColor;
    badge.remove();
    return found;
}

/** A dashed line for each move, with the new stage's name along it. */
function stageLines(moves, theme) {
    return {
        id: "stageLines",
        afterDatasetsDraw({ ctx, chartArea, scales: { x } }) {
            ctx.save();
            ctx.strokeStyle = theme.muted;
            ctx.fillStyle = theme.text;
            ctx.setLineDash([4, 4]);
            for (const move of moves) {
                const place = x.getPixelForValue(move.x);
                if (place < chartArea.left || place > chartArea.right) {
                    continue;
                }
                ctx.beginPath();
                ctx.moveTo(place, chartArea.top);
                ctx.lineTo(place, chartArea.bottom);
                ctx.stroke();
                // Near the right edge there is no room at its right.
                const isLast = place > chartArea.left + chartArea.width * 0.7;
                ctx.textAlign = isLast ? "right" : "left";
                ctx.textBaseline = "top";
                ctx.fillText(move.after, place + (isLast ? -4 : 4), chartArea.top + 2);
            }
            ctx.restore();
        },
    };
}
