import { useService } from "@web/core/utils/hooks";

import { useLeadCall } from "./lead_calls";
import { LeadScoreBasics } from "./lead_score_basics";
import { LeadScoreProblem } from "./lead_score_problem";
import { LeadScoreReasons } from "./lead_score_reasons";

import { Component, onMounted } from "@odoo/owl";

/** The reasons behind a score, beside it in a list or on a card. Loaded when it is opened. */
export class LeadScorePopover extends Component {
    static template = "lead_scoring.LeadScorePopover";
    static components = { LeadScoreBasics, LeadScoreProblem, LeadScoreReasons };
    static props = { leadId: Number, close: { type: Function, optional: true } };

    setup() {
        this.action = useService("action");
        this.loaded = useLeadCall();
        onMounted(() => void this.load());
    }

    load() {
        return this.loaded.call("get_lead_score_details", this.props.leadId);
    }

    openReason({ subject }) {
        const { contact, company } = this.loaded.data.links;
        const partner = { contact, company }[subject];
        this.props.close?.();
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: partner ? "res.partner" : "crm.lead",
            res_id: partner || this.props.leadId,
            views: [[false, "form"]],
        });
    }
}
