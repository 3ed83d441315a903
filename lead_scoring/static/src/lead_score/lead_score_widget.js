import { serializeDateTime } from "@web/core/l10n/dates";
import { localization } from "@web/core/l10n/localization";
import { _t } from "@web/core/l10n/translation";
import { browser } from "@web/core/browser/browser";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

import { useLeadCall } from "./lead_calls";
import { goToChatter, goToField, writeMessage } from "./form_places";
import { LeadScoreBasics } from "./lead_score_basics";
import { LeadScoreFeedback } from "./lead_score_feedback";
import { LeadScoreProblem } from "./lead_score_problem";
import { LeadScoreProposals } from "./lead_score_proposals";
import { LeadScoreReasons } from "./lead_score_reasons";
import { LeadScoreStory } from "./lead_score_story";

import { Component, useEffect, useRef, useState } from "@odoo/owl";

const FOLDED = "lead_scoring.folded";

/**
 * The score of the lead in a form: what it is, why, what would raise it, how it went, and what people think of it.
 *
 * Score, grade and trend come with the lead. Reasons follow by one call, so that the form opens as fast as without them;
 * everything else is asked for when its section is opened.
 */
export class LeadScoreWidget extends Component {
    static template = "lead_scoring.LeadScoreWidget";
    static components = {
        LeadScoreBasics,
        LeadScoreFeedback,
        LeadScoreProblem,
        LeadScoreProposals,
        LeadScoreReasons,
        LeadScoreStory,
    };
    static props = { ...standardWidgetProps };

    setup() {
        this.root = useRef("root");
        this.action = useService("action");
        this.orm = useService("orm");
        this.store = useService("mail.store");
        this.loaded = useLeadCall();
        this.state = useState({ unfolded: this.wasUnfolded(), section: "reasons", count: 0 });
        useEffect(
            () => {
                // The form is painted first, with what it knows of the score.
                const waiting = browser.setTimeout(() => this.load());
                return () => browser.clearTimeout(waiting);
            },
            () => this.shownOf,
        );
    }

    // ---- what there is

    get leadId() {
        return this.props.record.resId;
    }

    /** Whether the reader sees scores at all. */
    get isVisible() {
        return "lead_score_trend" in this.props.record.data;
    }

    /** When one of these changes, the reasons have changed. */
    get shownOf() {
        const { lead_score, lead_score_trend, lead_score_date, won_status, active } = this.props.record.data;
        return [this.leadId, lead_score, lead_score_trend, Number(lead_score_date || 0), won_status, active];
    }

    /** What came by RPC; never what is known of the lead shown before. */
    get details() {
        return this.loaded.leadId === this.leadId ? this.loaded.data : null;
    }

    get status() {
        return this.loaded.leadId === this.leadId ? this.loaded.status : "loading";
    }

    get basics() {
        const { data, fields } = this.props.record;
        if (!data.lead_score_trend) {
            // It may have been scored since the form was read.
            return this.details?.basics || null;
        }
        return {
            score: data.lead_score,
            grade: data.lead_grade,
            color: data.lead_grade_color,
            trend: data.lead_score_trend,
            word: fields.lead_score_trend.selection.find(([value]) => value === data.lead_score_trend)?.[1] || "",
            earlier: data.lead_score_earlier,
            ready: Boolean(data.lead_sales_ready),
            ready_since: data.lead_sales_ready_date ? serializeDateTime(data.lead_sales_ready_date) : false,
            outdated_since: data.lead_score_outdated_since ? serializeDateTime(data.lead_score_outdated_since) : false,
        };
    }

    /** Why there is no score, or what is to be known about the one there is. */
    get message() {
        return this.details?.message || false;
    }

    /** Whether the score will not change: a sentence will say why, below it. */
    get isFinal() {
        const { active, lead_score_outdated_since: outdated } = this.props.record.data;
        return Boolean(this.basics && (this.isClosed || outdated || active === false));
    }

    async load() {
        if (this.isVisible && this.leadId && (await this.loaded.call("get_lead_score_details", this.leadId))) {
            this.state.count = this.loaded.data.feedback_count;
        }
    }

    // ---- sections

    /** Nothing raises the score of a closed lead any more. */
    get isClosed() {
        return ["won", "lost"].includes(this.props.record.data.won_status);
    }

    get sections() {
        return this.basics
            ? [
                  { name: "reasons", label: _t("Top reasons") },
                  ...(this.isClosed ? [] : [{ name: "proposals", label: _t("What would raise it") }]),
                  { name: "story", label: _t("How it went") },
                  { name: "feedback", label: _t("Feedback") },
              ]
            : [{ name: "feedback", label: _t("Feedback") }];
    }

    get sectionLabel() {
        return this.sections.find(({ name }) => name === this.section).label;
    }

    get foldHint() {
        return this.isOpen ? _t("Fold") : _t("Unfold");
    }

    get section() {
        if (!this.basics) {
            return "feedback";
        }
        return this.isClosed && this.state.section === "proposals" ? "reasons" : this.state.section;
    }

    get isOpen() {
        // Without a score there is nothing to unfold but feedback.
        return this.state.unfolded && Boolean(this.basics || this.state.section === "feedback");
    }

    /** Unfolded on a desk until the reader folds it, folded on a phone. */
    wasUnfolded() {
        return !this.env.isSmall && browser.localStorage.getItem(FOLDED) !== "yes";
    }

    fold() {
        this.state.unfolded = !this.state.unfolded;
        if (!this.env.isSmall) {
            browser.localStorage.setItem(FOLDED, this.state.unfolded ? "no" : "yes");
        }
    }

    toggleFeedback() {
        const isShown = this.isOpen && this.section === "feedback";
        this.state.section = isShown ? "reasons" : "feedback";
        if (!isShown) {
            this.state.unfolded = true;
        }
    }

    /** Arrows go from tab to tab, as everywhere. */
    onTabKeydown(event) {
        const forward = localization.direction === "rtl" ? -1 : 1;
        const step = { ArrowRight: forward, ArrowLeft: -forward }[event.key];
        if (!step) {
            return;
        }
        event.preventDefault();
        const tabs = [...event.currentTarget.querySelectorAll("[role=tab]")];
        const next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
        next.focus();
        next.click();
    }

    // ---- going places

    get form() {
        return this.root.el.closest(".o_form_view, .o_form_renderer");
    }

    async openReason({ subject, feature }) {
        if (subject !== "activity") {
            const { contact, company } = this.details.links;
            return this.openPartner(subject === "contact" ? contact : company);
        }
        return feature.includes("meeting") ? this.openMeetings() : goToChatter(this.form);
    }

    openPartner(id) {
        return this.action.doAction({
            type: "ir.actions.act_window",
            res_model: "res.partner",
            res_id: id,
            views: [[false, "form"]],
        });
    }

    async openMeetings() {
        if (await this.props.record.save()) {
            const action = await this.orm.call("crm.lead", "action_schedule_meeting", [[this.leadId]]);
            return this.action.doAction(action);
        }
    }

    async startProposal({ kind, field }) {
        if (kind === "field") {
            return goToField(this.form, field);
        }
        if (kind === "message" && writeMessage(this.form)) {
            return;
        }
        // A meeting of a lead would not be linked to it: only opportunities have meetings.
        if (kind === "meeting" && this.props.record.data.type !== "lead") {
            return this.openMeetings();
        }
        if (await this.props.record.save()) {
            await this.store.scheduleActivity("crm.lead", [this.leadId]);
            await this.props.record.load();
        }
    }
}

registry.category("view_widgets").add("lead_score", { component: LeadScoreWidget });
