import { _t } from "@web/core/l10n/translation";

import { Component } from "@odoo/owl";

/** Stands where something is being loaded, or could not be. */
export class LeadScoreProblem extends Component {
    static template = "lead_scoring.LeadScoreProblem";
    static props = { status: String, retry: Function, lines: { type: Number, optional: true } };

    get text() {
        return {
            offline: _t("Odoo cannot be reached right now."),
            rights: _t("You do not have the right to see this."),
            failed: _t("This could not be loaded."),
        }[this.props.status];
    }

    get mayRetry() {
        return this.props.status !== "rights";
    }

    get lines() {
        return Array.from({ length: this.props.lines || 3 }, (_, index) => index);
    }
}
