import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

import { TREND_ICONS } from "./trend_icons";

import { Component } from "@odoo/owl";

/** The scores that several models give a lead, side by side: points and probabilities are never added up. */
export class LeadRelatedScoresField extends Component {
    static template = "lead_scoring.LeadRelatedScoresField";
    static props = { ...standardFieldProps };

    get scores() {
        return this.props.record.data[this.props.name] || [];
    }

    icon(trend) {
        return TREND_ICONS[trend];
    }
}

registry.category("fields").add("lead_related_scores", {
    component: LeadRelatedScoresField,
    supportedTypes: ["json"],
});
