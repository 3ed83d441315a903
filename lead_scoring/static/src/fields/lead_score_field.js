import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

import { Component } from "@odoo/owl";

/** The score of a lead; blank where a lead has none, because 0 would read as hopeless. */
export class LeadScoreField extends Component {
    static template = "lead_scoring.LeadScoreField";
    static props = { ...standardFieldProps };

    get isScored() {
        return Boolean(this.props.record.data.lead_score_trend);
    }
}

registry.category("fields").add("lead_score", {
    component: LeadScoreField,
    displayName: _t("Lead score"),
    supportedTypes: ["integer"],
    fieldDependencies: [{ name: "lead_score_trend", type: "selection" }],
});
