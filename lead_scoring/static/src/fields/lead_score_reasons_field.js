import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

import { Component } from "@odoo/owl";

const REASONS_SHOWN = 5;

/** The top reasons behind the score of a lead: what raises it, what lowers it, and by how many points. */
export class LeadScoreReasonsField extends Component {
    static template = "lead_scoring.LeadScoreReasonsField";
    static props = { ...standardFieldProps };

    get explanation() {
        return this.props.record.data[this.props.name] || null;
    }

    /** Rules give points that add up to a whole: all of them are shown, and there is no average lead. */
    get isOfRules() {
        return this.explanation.raw !== undefined;
    }

    get shown() {
        return this.isOfRules ? undefined : REASONS_SHOWN;
    }

    get raising() {
        return this.explanation.reasons.filter(({ points }) => points > 0).slice(0, this.shown);
    }

    get lowering() {
        return this.explanation.reasons.filter(({ points }) => points < 0).slice(0, this.shown);
    }
}

registry.category("fields").add("lead_score_reasons", {
    component: LeadScoreReasonsField,
    supportedTypes: ["json"],
});
