import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

import { Component, useState } from "@odoo/owl";

import { termsOf } from "../report/outcome_words";
import { count, known, percent } from "../report/numbers";

const SHOWN = 12;
// What so few leads say may well be chance.
const FEW = 10;

/**
 * The win rate of each value of a feature, as a bar beside the overall rate.
 *
 * The field holds {"overall": 0.31, "values": [{"label": "Referral", "closed": 120, "won": 77}, ...]}; a value without
 * label is that of leads where the field is empty.
 */
export class LeadScoringValueBarsField extends Component {
    static template = "lead_scoring.LeadScoringValueBarsField";
    static props = { ...standardFieldProps };

    setup() {
        this.state = useState({ all: false });
    }

    get found() {
        return this.props.record.data[this.props.name] || {};
    }

    get values() {
        return (this.found.values || []).filter(({ closed, won }) => known(closed) && known(won));
    }

    get terms() {
        return termsOf(this.found);
    }

    get overall() {
        return known(this.found.overall) ? this.found.overall : null;
    }

    /** The line in words, which is also its legend. */
    get caption() {
        return this.overall === null
            ? ""
            : _t("The line marks %(share)s, the %(win_rate)s of all closed leads.", {
...this.terms,
share: percent(this.overall, 1),
});
    }

    get rows() {
        const rates = this.values.map(({ closed, won }) => (closed ? won / closed : null));
        // Full width is the highest rate: where few leads are won, bars of a hundredth would all look alike.
        const top = Math.max(...rates, this.overall, 0.01);
        const shown = this.state.all ? this.values : this.values.slice(0, SHOWN);
        return shown.map(({ label, closed, won }, index) => {
            const rate = rates[index];
            return {
                key: index,
                label: label || _t("(empty)"),
                rate: rate === null ? "" : percent(rate, 1),
                leads: closed
                    ? _t("%(won)s of %(closed)s", { won: count(won), closed: count(closed) })
                    : _t("none closed"),
                bar: `width: ${(100 * (rate || 0)) / top}%`,
                line: this.overall === null ? null : `inset-inline-start: ${(100 * this.overall) / top}%`,
                tone: this.overall === null ? "bg-info" : rate >= this.overall ? "bg-success" : "bg-danger",
                few: closed < FEW,
            };
        });
    }

    get more() {
        const hidden = this.values.length - SHOWN;
        return !this.state.all && hidden > 0 ? _t("Show %(count)s more", { count: count(hidden) }) : "";
    }

    get anyFew() {
        return this.rows.some(({ few }) => few);
    }
}

export const leadScoringValueBarsField = {
    component: LeadScoringValueBarsField,
    displayName: _t("Win rate of each value"),
    supportedTypes: ["json"],
};

registry.category("fields").add("lead_scoring_value_bars", leadScoringValueBarsField);
