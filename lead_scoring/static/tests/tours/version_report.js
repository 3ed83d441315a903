import { registry } from "@web/core/registry";

/** An administrator reads how good the published version is before it goes live. */
registry.category("web_tour.tours").add("lead_scoring_version_report", {
    steps: () => [
        {
            content: "open the model",
            trigger: ".o_list_view .o_data_row:contains(Test model) td[name=name]",
            run: "click",
        },
        {
            content: "open its published version",
            trigger: ".o_field_widget[name=version_id] a",
            run: "click",
        },
        {
            content: "the verdict stands first, with its reason",
            trigger:
                ".o_lead_scoring_report .o_lead_scoring_gate:contains(Ready):contains(surely puts won leads above)",
        },
        {
            content: "then how it was measured, and the figures in words",
            trigger:
                ".o_lead_scoring_report:has(.o_lead_scoring_measured:contains(cross-validation)) [data-figure=auc]:contains(of 100 cases)",
        },
        {
            content: "the curves are drawn, each with its gist for who cannot see it",
            trigger:
                ".o_lead_scoring_report:has([data-chart=roc]):has([data-chart=calibration]):has([data-chart=gain]):has([data-chart=histogram]) canvas[role=img][aria-label*=AUC]:not([height='0'])",
        },
        {
            content: "features go by the labels of their fields",
            trigger: "[data-chart=features] canvas[aria-label*=Source]",
        },
        {
            content: "the confusion matrix is read out",
            trigger: ".o_lead_scoring_confusion:contains(Of 100 leads called likely)",
        },
        {
            content: "the scorecard is on its own tab",
            trigger: ".o_notebook .nav-link:contains(Scorecard)",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=scorecard]:contains(intercept)",
        },
        {
            content: "and back: the charts are drawn again",
            trigger: ".o_notebook .nav-link:contains(Report)",
            run: "click",
        },
        {
            trigger: "[data-chart=gain] canvas:not([height='0'])",
        },
    ],
});
