import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

import { TREND_ICONS } from "./trend_icons";

import { Component } from "@odoo/owl";

/** The trend of a score as an arrow, with its word as tooltip and for screen readers. */
export class LeadScoreTrendField extends Component {
    static template = "lead_scoring.LeadScoreTrendField";
    static props = { ...standardFieldProps, showWord: { type: Boolean, optional: true } };

    get trend() {
        return this.props.record.data[this.props.name];
    }

    get icon() {
        return TREND_ICONS[this.trend];
    }

    get word() {
        const { selection } = this.props.record.fields[this.props.name];
        return selection.find(([value]) => value === this.trend)?.[1];
    }
}

registry.category("fields").add("lead_score_trend", {
    component: LeadScoreTrendField,
    displayName: _t("Lead score trend"),
    supportedTypes: ["selection"],
    extractProps: ({ options }) => ({ showWord: Boolean(options.show_word) }),
});
