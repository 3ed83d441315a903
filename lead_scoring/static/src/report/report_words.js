/**
 * A report (`scoring/report.py` and `scoring/evaluation.py` tell its keys) in plain words.
 *
 * Every function takes a report and leaves out quietly what the report does not have.
 */
import { _t } from "@web/core/l10n/translation";

import { atLeast, count, decimal, known, ofHundred, percent } from "./numbers";
import { termsOf } from "./outcome_words";

const TONES = { ready: "success", careful: "warning", not_ready: "danger" };
const SURE = 0.95;

/** Whether the model may go live: {word, tone, reason}; null where the report does not say. */
export function gateOf(report) {
    const tone = TONES[report.gate];
    return tone ? { word: gateWord(report.gate), tone, reason: gateReason(report) } : null;
}

function gateWord(gate) {
    return { ready: _t("Ready"), careful: _t("Usable with care"), not_ready: _t("Not ready to publish") }[gate];
}

function gateReason({ gate_reason, gate_figures, specification }) {
    const { auc_low, log_loss_skill_low } = gate_figures || {};
    const terms = termsOf({ specification });
    const sentences = {
        order_and_probabilities: _t(
            "It surely puts %(is_won)s leads above lost ones, and its scores are surely closer to what happens than the plain %(win_rate)s.",
terms,
        ),
        order_alone: _t(
            "It surely puts %(is_won)s leads above lost ones, but its scores are not surely closer to what happens than the plain %(win_rate)s. Sort by the score; do not read it as a percentage.",
terms,
        ),
        probabilities_alone: _t(
            "Its scores are surely closer to what happens than the plain %(win_rate)s, but it does not surely put %(is_won)s leads above lost ones.",
terms,
        ),
        no_signal: _t("These fields do not tell %(is_won)s leads from lost ones.", terms),
    };
    const said = [sentences[gate_reason]];
    if (known(auc_low)) {
        said.push(
            _t(
                "Of a %(is_won)s and a lost lead, the %(is_won)s one has the higher score in at least %(share)s of cases (chance: %(chance)s).",
                { ...terms, share: atLeast(auc_low), chance: percent(0.5) },
            ),
        );
    }
    if (known(log_loss_skill_low)) {
        said.push(
            log_loss_skill_low > 0
                ? _t("Its log loss is at least %(share)s below that of the plain %(win_rate)s.", {
...terms,
                      share: atLeast(log_loss_skill_low),
                  })
                : _t("Its log loss may be up to %(share)s above that of the plain %(win_rate)s.", {
...terms,
                      share: percent(-log_loss_skill_low, 1),
                  }),
        );
    }
    return said.filter(Boolean).join(" ");
}

/** What it means for the scores that the win rate moved; null where it did not. */
export function driftOf({ drift, train, test, specification }) {
    if (!drift) {
        return null;
    }
    const terms = termsOf({ specification });
    const [before, after] = [train?.base_rate, test?.base_rate];
    if (!known(before) || !known(after)) {
        return _t("The %(win_rate)s of the newer leads differs from that of the older ones by more than a third.", terms);
    }
    const rates = { ...terms, before: percent(before, 1), after: percent(after, 1) };
    return after > before
        ? _t(
              "The %(win_rate)s rose from %(before)s to %(after)s between the older and the newer leads. If it goes on, scores are lower than what comes true; their order holds better than their height.",
              rates,
          )
        : _t(
              "The %(win_rate)s fell from %(before)s to %(after)s between the older and the newer leads. If it goes on, scores are higher than what comes true; their order holds better than their height.",
              rates,
          );
}

/** How it was measured, in a sentence or two; null where the report does not say. */
export function measuredOf({ method, train, test }) {
    const [seen, tested] = [leadsOf(train), leadsOf(test)];
    if (method === "cross_validation") {
        const how = _t(
            "Measured by cross-validation, as the newest leads alone are too few: each lead was scored by a model that had learned from other leads, five times over.",
        );
        return known(tested) ? `${how} ${_t("%(leads)s leads took part.", { leads: count(tested) })}` : how;
    }
    if (method !== "out_of_time") {
        return null;
    }
    if (!known(seen) || !known(tested)) {
        return _t("Measured on the newest leads, by a model that had learned from the older ones alone.");
    }
    const said = [
        _t(
            "Measured on the %(tested)s leads that closed last, by a model that had learned from the %(seen)s older ones alone. This version then learned from all of them.",
            { tested: count(tested), seen: count(seen) },
        ),
    ];
    if (known(test.open_at_cut)) {
        said.push(_t("%(open)s of those tested were already open then.", { open: count(test.open_at_cut) }));
    }
    return said.join(" ");
}

function leadsOf(part) {
    return part ? part.won + part.lost : NaN;
}

/** How it does beside the version that was published when it was trained; null where it was not compared. */
export function challengeOf({ challenge }) {
    if (!challenge || !known(challenge.gain) || !challenge.gain_interval) {
        return null;
    }
    const [low, high] = challenge.gain_interval;
    return _t(
        "Beside the version published before, on the same leads: log loss %(challenger)s instead of %(champion)s, a gain of %(gain)s (%(sure)s interval %(low)s to %(high)s; below 0 it is a loss). %(verdict)s",
        {
            challenger: decimal(challenge.challenger_log_loss),
            champion: decimal(challenge.champion_log_loss),
            gain: decimal(challenge.gain, 4),
            sure: percent(SURE),
            low: decimal(low, 4),
            high: decimal(high, 4),
            verdict: challenge.publish ? _t("It may take its place.") : _t("It waits for a decision."),
        },
    );
}

/** The figures, each {name, label, value, meaning}. */
export function figuresOf(report) {
    const found = report.metrics || {};
    const terms = termsOf(report);
    const rows = [
        known(found.auc) && {
            name: "auc",
            label: _t("AUC"),
            value: decimal(found.auc),
            interval: intervalOf(found.auc_interval, (value) => decimal(value)),
            meaning: _t("Of a %(is_won)s and a lost lead, the %(is_won)s one has the higher score in %(times)s of 100 cases.", {
...terms,
                times: ofHundred(found.auc),
            }),
        },
        known(found.log_loss) && {
            name: "log_loss",
            label: _t("Log loss"),
            value: decimal(found.log_loss),
            meaning: skillMeaning(found, terms),
        },
        known(found.brier) && {
            name: "brier",
            label: _t("Brier score"),
            value: decimal(found.brier),
            meaning: _t("Mean squared distance of score and outcome. 0 is perfect; the plain %(win_rate)s has %(plain)s.", {
...terms,
                plain: known(found.base_rate) ? decimal(found.base_rate * (1 - found.base_rate)) : "0.25",
            }),
        },
        known(found.calibration_error) && {
            name: "calibration_error",
            label: _t("Calibration error"),
            value: percent(found.calibration_error, 1),
            meaning: _t("Scores and the share that was %(is_won)s differ by so much on average.", terms),
        },
        known(found.lift_top_tenth) && {
            name: "lift",
            label: _t("Lift of the best tenth"),
            value: decimal(found.lift_top_tenth, 1),
            meaning: _t(
                "The tenth of the leads with the highest scores is %(is_won)s %(times)s times as often as the average.",
                {
...terms,
                    times: decimal(found.lift_top_tenth, 1),
                },
            ),
        },
        baseRates(report, terms),
    ];
    return rows.filter(Boolean);
}

function intervalOf(interval, format) {
    return (
        interval &&
        _t("%(sure)s interval %(low)s to %(high)s", {
            sure: percent(SURE),
            low: format(interval[0]),
            high: format(interval[1]),
        })
    );
}

function skillMeaning({ log_loss_skill: skill, log_loss_skill_interval: interval }, terms) {
    if (!known(skill)) {
        return _t("How far the scores are from what happened; lower is better.");
    }
    const than =
        skill >= 0
            ? _t("%(share)s below that of giving each lead the plain %(win_rate)s", { ...terms, share: percent(skill, 1) })
            : _t("%(share)s above that of giving each lead the plain %(win_rate)s", { ...terms, share: percent(-skill, 1) });
    const sure = intervalOf(interval, (value) => percent(value, 1));
    return sure ? _t("%(than)s (%(interval)s of what is gained).", { than, interval: sure }) : `${than}.`;
}

function baseRates({ method, train, test }, terms) {
    const [before, after] = [train?.base_rate, test?.base_rate];
    if (!known(before)) {
        return null;
    }
    const seen = { name: "base_rate", label: terms.Win_rate, value: percent(before, 1) };
    if (method === "cross_validation" || !known(after)) {
        return { ...seen, meaning: _t("The share of these leads that was %(is_won)s.", terms) };
    }
    return {
        ...seen,
        value: _t("%(before)s, then %(after)s", { before: percent(before, 1), after: percent(after, 1) }),
        meaning: _t(
            "The share that was %(is_won)s: of the older leads, which it learned from, and of the newer ones, tested.",
terms,
        ),
    };
}

/** The confusion matrix: {threshold, shares, sentences}; null where the report has none. */
export function confusionOf({ curves, metrics, specification }) {
    const terms = termsOf({ specification });
    const found = curves?.confusion;
    if (!found || !known(found.precision) || !known(found.recall)) {
        return null;
    }
    const share = (value) => (known(value) ? percent(value, 1) : "");
    const sentences = [
        {
            label: _t("Precision"),
            text: _t("Of 100 leads called likely, %(won)s were %(is_won)s.", { ...terms, won: ofHundred(found.precision) }),
        },
        {
            label: _t("Recall"),
            text: _t("Of 100 %(is_won)s leads, %(found)s had been called likely.", { ...terms, found: ofHundred(found.recall) }),
        },
    ];
    if (known(found.accuracy)) {
        const plain = metrics?.base_rate;
        sentences.push({
            label: _t("Accuracy"),
            text: known(plain)
                ? _t("Of 100 leads, %(right)s became what they were called; calling all the same gets %(plain)s.", {
                      right: ofHundred(found.accuracy),
                      plain: ofHundred(Math.max(plain, 1 - plain)),
                  })
                : _t("Of 100 leads, %(right)s became what they were called.", { right: ofHundred(found.accuracy) }),
        });
    }
    if (known(found.f1)) {
        sentences.push({
            label: _t("F1"),
            text: _t("%(f1)s, the balance of precision and recall; this threshold has the highest one.", {
                f1: decimal(found.f1, 2),
            }),
        });
    }
    return {
        intro: known(found.threshold)
            ? _t("Leads with a score of %(score)s or more are called likely.", { score: ofHundred(found.threshold) })
            : "",
        won: terms.Is_won,
        trueWon: share(found.true_won),
        falseWon: share(found.false_won),
        falseLost: share(found.false_lost),
        trueLost: share(found.true_lost),
        sentences,
    };
}
