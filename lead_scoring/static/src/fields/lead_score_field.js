import { _t } from "@web/core/l10n/translation";
import { usePopover } from "@web/core/popover/popover_hook";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

import { LeadScorePopover } from "../lead_score/lead_score_popover";

import { Component, useRef } from "@odoo/owl";

/** The score of a lead; blank where a lead has none, because 0 would read as hopeless. A click tells its reasons. */
export class LeadScoreField extends Component {
    static template = "lead_scoring.LeadScoreField";
    static props = { ...standardFieldProps, showBar: { type: Boolean, optional: true } };

    setup() {
        this.why = useRef("why");
        this.popover = usePopover(LeadScorePopover, {
            position: "right",
            useBottomSheet: this.env.isSmall,
            onClose: () => this.takeFocusBack(),
        });
    }

    /** Who closed the popover by the keyboard goes on where it was opened. */
    takeFocusBack() {
        if (document.activeElement === document.body) {
            this.why.el?.focus();
        }
    }

    get isScored() {
        return Boolean(this.props.record.data.lead_score_trend);
    }

    get score() {
        return this.props.record.data[this.props.name];
    }

    get barStyle() {
        return `width: ${this.score}%`;
    }

    get hint() {
        return _t("Score %(score)s: see why", { score: this.score });
    }

    toggleReasons(event) {
        if (this.popover.isOpen) {
            this.popover.close();
        } else {
            this.popover.open(event.currentTarget, { leadId: this.props.record.resId });
        }
    }
}

registry.category("fields").add("lead_score", {
    component: LeadScoreField,
    displayName: _t("Lead score"),
    supportedTypes: ["integer"],
    supportedOptions: [{ label: _t("Show a bar"), name: "show_bar", type: "boolean" }],
    extractProps: ({ options }) => ({ showBar: Boolean(options.show_bar) }),
    fieldDependencies: [{ name: "lead_score_trend", type: "selection" }],
});
