import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

import { Component } from "@odoo/owl";

import { ReportChart } from "./report_chart";
import { chartsOf } from "./report_charts";
import { challengeOf, confusionOf, driftOf, figuresOf, gateOf, measuredOf } from "./report_words";

/** The report of a version: whether it may go live and why, figures in plain words, and charts. */
export class LeadScoringReportField extends Component {
    static template = "lead_scoring.LeadScoringReportField";
    static components = { ReportChart };
    static props = { ...standardFieldProps };

    setup() {
        this.memory = {};
    }

    /** All that is shown, worked out once for a report: a chart is redrawn when it gets another config. */
    get shown() {
        const { memory } = this;
        const { [this.props.name]: report, feature_labels: labels } = this.props.record.data;
        if (!("shown" in memory) || memory.report !== report || memory.labels !== labels) {
            Object.assign(memory, { report, labels, shown: shownOf(report || {}, labels || {}) });
        }
        return memory.shown;
    }
}

function shownOf(report, labels) {
    const shown = {
        gate: gateOf(report),
        drift: driftOf(report),
        measured: measuredOf(report),
        challenge: challengeOf(report),
        figures: figuresOf(report),
        charts: chartsOf(report, labels),
        confusion: confusionOf(report),
    };
    return Object.values(shown).some((part) => part && part.length !== 0) ? shown : null;
}

export const leadScoringReportField = {
    component: LeadScoringReportField,
    supportedTypes: ["json"],
    fieldDependencies: [{ name: "feature_labels", type: "json" }],
};

registry.category("fields").add("lead_scoring_report", leadScoringReportField);
