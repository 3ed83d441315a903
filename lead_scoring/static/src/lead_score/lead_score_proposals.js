import { useLeadCall } from "./lead_calls";
import { LeadScoreProblem } from "./lead_score_problem";

import { Component, onMounted } from "@odoo/owl";

/** The few things that a person can do about a lead, each with the button that starts it. */
export class LeadScoreProposals extends Component {
    static template = "lead_scoring.LeadScoreProposals";
    static components = { LeadScoreProblem };
    static props = { leadId: Number, start: Function }; // (proposal) => void

    setup() {
        this.loaded = useLeadCall();
        onMounted(() => void this.load());
    }

    load() {
        return this.loaded.call("get_lead_score_proposals", this.props.leadId);
    }

    icon({ kind }) {
        return { meeting: "fa-calendar", message: "fa-reply", field: "fa-pencil" }[kind] || "fa-clock-o";
    }
}
