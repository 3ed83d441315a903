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

    get lists() {
        const { reasons } = this.props.explanation;
        return [
            {
                name: "raising",
                heading: _t("What raises it"),
                nothing: _t("Nothing lifts this lead above the average one."),
                reasons: reasons.filter(({ points }) => points > 0).slice(0, SHOWN),
            },
            {
                name: "lowering",
                heading: _t("What lowers it"),
                nothing: _t("Nothing puts this lead below the average one."),
                reasons: reasons.filter(({ points }) => points < 0).slice(0, SHOWN),
            },
        ];
    }

    /** The strongest reason of all takes the whole width of its bar. */
    barOf({ points }) {
        const top = Math.max(...this.props.explanation.reasons.map((reason) => Math.abs(reason.points)), 1);
        return `width: ${Math.round((100 * Math.abs(points)) / top)}%`;
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
        const { score, average, exact_score, exact_average } = this.props.explanation;
        return { points: score - average, exact: exact_score - exact_average };
    }
}
