import { _t } from "@web/core/l10n/translation";
import { formatFloat } from "@web/core/utils/numbers";

import { signed } from "./signed";

import { Component, useState } from "@odoo/owl";

const SHOWN = 5;
const SUBJECTS = { contact: _t("Contact"), company: _t("Customer company"), activity: _t("Activity") };

/** Why a lead has its score: what raises and what lowers it most, or every reason with the sum. */
export class LeadScoreReasons extends Component {
    static template = "lead_scoring.LeadScoreReasons";
    static props = {
        explanation: Object,
        links: Object,
        open: Function, // (reason) => void
        narrow: { type: Boolean, optional: true },
    };

    setup() {
        this.state = useState({ all: false });
        this.signed = signed;
    }

    /** Rules give points that add up to a whole: all of them are shown, and there is no average lead. */
    get isOfRules() {
        return this.props.explanation.raw !== undefined;
    }

    get shown() {
        return this.isOfRules ? undefined : SHOWN;
    }

    get lists() {
        const { reasons } = this.props.explanation;
        const [nothingRaises, nothingLowers] = this.isOfRules
            ? [_t("No rule gives this lead points."), _t("No rule takes points from this lead.")]
            : [
                  _t("Nothing lifts this lead above the average one."),
                  _t("Nothing puts this lead below the average one."),
              ];
        return [
            {
                name: "raising",
                heading: _t("What raises it"),
                nothing: nothingRaises,
                reasons: reasons.filter(({ points }) => points > 0).slice(0, this.shown),
            },
            {
                name: "lowering",
                heading: _t("What lowers it"),
                nothing: nothingLowers,
                reasons: reasons.filter(({ points }) => points < 0).slice(0, this.shown),
            },
        ];
    }

    /** Side by side where there is room; a list with nothing to tell leaves it to the other one. */
    widthOf({ reasons }) {
        if (this.props.narrow) {
            return "col-12";
        }
        return reasons.length ? "col-12 col-lg" : "col-12 col-lg-3";
    }

    /** The strongest reason of all takes the whole width of its bar. */
    barOf({ points }) {
        const top = Math.max(...this.props.explanation.reasons.map((reason) => Math.abs(reason.points)), 1);
        return `width: ${Math.round((100 * Math.abs(points)) / top)}%`;
    }

    /** A number and its percent sign stay on one line. */
    sentenceOf({ text }) {
        return text.replace(/(\d) %/g, "$1\u00a0%");
    }

    /** Points of rules may have a decimal. */
    pointsOf({ points }) {
        return signed(points, Number.isInteger(points) ? 0 : 1);
    }

    decimal(value) {
        return formatFloat(value, { digits: [false, 1] });
    }

    subjectOf({ subject }) {
        return SUBJECTS[subject] || "";
    }

    isLinked({ subject, feature }) {
        if (subject === "activity") {
            return feature !== "activity.age_days";
        }
        return Boolean(this.props.links[subject]);
    }

    get hidden() {
        const { hidden } = this.props.explanation;
        return hidden?.count ? hidden : null;
    }

    get sum() {
        const { score, average, exact_score, exact_average, raw } = this.props.explanation;
        if (this.isOfRules) {
            return { points: raw };
        }
        return { points: score - average, exact: exact_score - exact_average };
    }
}
