import { ConfirmationDialog } from "@web/core/confirmation_dialog/confirmation_dialog";
import { deserializeDateTime, formatDate } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { useService } from "@web/core/utils/hooks";

import { useLeadCall } from "./lead_calls";
import { LeadScoreProblem } from "./lead_score_problem";

import { Component, onMounted, useRef, useState } from "@odoo/owl";

let forms = 0;

/** What people who know the lead expect of its score: the reader's own feedback, to send, change or withdraw, and the
 * others'. */
export class LeadScoreFeedback extends Component {
    static template = "lead_scoring.LeadScoreFeedback";
    static components = { LeadScoreProblem };
    static props = {
        leadId: Number,
        score: { type: [Number, { value: false }] },
        onCount: Function, // (number of feedbacks) => void
    };

    setup() {
        this.id = `o_lead_score_feedback_${++forms}`;
        this.dialog = useService("dialog");
        this.number = useRef("number");
        this.loaded = useLeadCall();
        this.state = useState({ editing: false, expected: 50, typed: "50", misfit: false, comments: "", problem: "" });
        onMounted(() => void this.load());
    }

    load() {
        return this.call("get_lead_score_feedback");
    }

    /** Load or send; what was written stays if it could not be sent. */
    async call(method, args = []) {
        const before = this.loaded.data;
        if (await this.loaded.call(method, this.props.leadId, args)) {
            this.state.problem = "";
            this.fill();
        } else if (before) {
            this.state.problem = this.loaded.status;
            Object.assign(this.loaded, { status: "ready", data: before });
        }
    }

    fill() {
        const { mine, others } = this.loaded.data;
        this.state.editing = !mine;
        this.expect(String(mine ? mine.expected : this.props.score === false ? 50 : this.props.score));
        this.state.comments = mine ? mine.comments : "";
        this.props.onCount(others.length + (mine ? 1 : 0));
    }

    /** What does not fit stays as it was typed, and is told instead of sent. */
    expect(typed) {
        const number = /^\d+$/.test(typed.trim()) ? Number(typed) : NaN;
        const misfit = !(number <= 100);
        Object.assign(this.state, { typed, misfit, expected: misfit ? this.state.expected : number });
    }

    /** What is told goes as soon as it is mended; it comes only once somebody has typed all of it. */
    mend(typed) {
        if (this.state.misfit) {
            this.expect(typed);
        }
    }

    send() {
        if (this.state.misfit) {
            return this.number.el.select();
        }
        return this.call("send_lead_score_feedback", [this.state.expected, this.state.comments.trim()]);
    }

    withdraw() {
        this.dialog.add(ConfirmationDialog, {
            title: _t("Withdraw your feedback?"),
            body: _t("Its expected score and comments are deleted."),
            confirmLabel: _t("Withdraw"),
            confirm: () => this.call("withdraw_lead_score_feedback"),
            cancel: () => {},
        });
    }

    dayOf({ date }) {
        return formatDate(deserializeDateTime(date));
    }
}
