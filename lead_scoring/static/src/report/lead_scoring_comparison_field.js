import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

import { Component } from "@odoo/owl";

import { ReportChart } from "./report_chart";
import { comparedCharts } from "./report_charts";
import { figuresOf, gateOf } from "./report_words";

/** Two versions side by side: {sides: [{name, report}, {name, report}]}, the older one first. */
export class LeadScoringComparisonField extends Component {
    static template = "lead_scoring.LeadScoringComparisonField";
    static components = { ReportChart };
    static props = { ...standardFieldProps };

    setup() {
        this.sides = (this.props.record.data[this.props.name] || {}).sides || [];
        this.charts = this.sides.length ? comparedCharts(this.sides) : [];
    }

    get gates() {
        return this.sides.map(({ report }) => gateOf(report));
    }

    /** One row for each figure that either has. */
    get rows() {
        const found = this.sides.map(({ report }) => figuresOf(report));
        const names = [...new Set(found.flat().map(({ name }) => name))];
        return names.map((name) => {
            const figures = found.map((figures) => figures.find((figure) => figure.name === name));
            return { name, label: figures.find(Boolean).label, figures };
        });
    }
}

registry.category("fields").add("lead_scoring_comparison", {
    component: LeadScoringComparisonField,
    supportedTypes: ["json"],
});
