import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

import { Component } from "@odoo/owl";

const ICONS = {
    up: "fa-arrow-up text-success",
    steady: "fa-arrow-right text-muted",
    down: "fa-arrow-down text-danger",
    unknown: "fa-minus text-muted",
};

/** The scores that several models give a lead, side by side: points and probabilities are never added up. */
export class LeadRelatedScoresField extends Component {
    static template = "lead_scoring.LeadRelatedScoresField";
    static props = { ...standardFieldProps };

    get scores() {
        return this.props.record.data[this.props.name] || [];
    }

    icon(trend) {
        return ICONS[trend];
    }
}

registry.category("fields").add("lead_related_scores", {
    component: LeadRelatedScoresField,
    supportedTypes: ["json"],
});
