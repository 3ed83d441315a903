import { registry } from "@web/core/registry";

/** A salesperson sees why a lead is scored, what would raise it, how it went, and says what she thinks of it. */
registry.category("web_tour.tours").add("lead_scoring_widget", {
    steps: () => [
        {
            content: "a long stage is told in whole by its tooltip",
            trigger: ".o_statusbar_status .o_stage_name[title='Automated Marketing Qualification']",
        },
        {
            content: "and leaves room for Won",
            trigger: ".o_statusbar_status button:contains(/^Won$/)",
        },
        {
            content: "score, grade, trend with the earlier score, and the model",
            trigger:
                ".o_lead_score_panel[data-status=scored]:has(.o_lead_score_number:contains(/^[1-9][0-9]?$/)):has(.o_lead_score_model:contains(Test model)) [data-trend=up]:contains(/Improving from [0-9]+/)",
        },
        {
            content: "top reasons in words, the strongest first",
            trigger: ".o_lead_score_reasons li:first:contains(Source is Test Referral):contains(/[+][0-9]/)",
        },
        {
            content: "every reason, with the sum",
            trigger: ".o_lead_score_toggle_all",
            run: "click",
        },
        {
            trigger: ".o_lead_score_all:has(.o_lead_score_sum) tfoot:contains(Average lead)",
        },
        {
            content: "what would raise it",
            trigger: "[role=tab][data-section=proposals]",
            run: "click",
        },
        {
            trigger: ".o_lead_score_proposals:not(:has(.o_lead_score_loading))",
        },
        {
            content: "how it went",
            trigger: "[role=tab][data-section=story]",
            run: "click",
        },
        {
            trigger: ".o_lead_score_story:has(canvas) li:first:contains(the lead's data):contains(then Test Referral)",
        },
        {
            content: "the chat icon opens feedback",
            trigger: ".o_lead_score_chat",
            run: "click",
        },
        {
            trigger: ".o_lead_score_expected",
            run: "edit 90",
        },
        {
            trigger: ".o_lead_score_feedback textarea",
            run: "edit They asked for the contract.",
        },
        {
            trigger: ".o_lead_score_feedback button[type=submit]",
            run: "click",
        },
        {
            content: "it is shown to its author",
            trigger: ".o_lead_score_my_feedback:contains(Expected 90):contains(They asked for the contract.)",
        },
        {
            content: "and counted on the icon",
            trigger: ".o_lead_score_chat .badge:contains(1)",
        },
        {
            content: "who may change it",
            trigger: ".o_lead_score_my_feedback button:contains(Change)",
            run: "click",
        },
        {
            trigger: ".o_lead_score_expected",
            run: "edit 80",
        },
        {
            trigger: ".o_lead_score_feedback button[type=submit]",
            run: "click",
        },
        {
            trigger: ".o_lead_score_my_feedback:contains(Expected 80)",
        },
    ],
});

/** Her manager reads it beside the score that was given, and the outcome. */
registry.category("web_tour.tours").add("lead_scoring_feedback_list", {
    steps: () => [
        {
            content: "the list is in the menu",
            trigger: ".o_menu_sections button:contains(Configuration)",
            run: "click",
        },
        {
            trigger: ".dropdown-item[data-menu-xmlid='lead_scoring.menu_crm_lead_score_feedback']",
            run: "click",
        },
        {
            content: "expected against given score, and how it ended",
            trigger:
                ".o_data_row:has(td[name=expected_score]:contains(80)):has(td[name=difference]):has(td[name=outcome]:contains(Won)):contains(They asked for the contract.)",
        },
    ],
});

/** From the list the reasons are one click away. */
registry.category("web_tour.tours").add("lead_scoring_popover", {
    steps: () => [
        {
            trigger: ".o_data_row:first .o_lead_score_why",
            run: "click",
        },
        {
            trigger: ".o_popover .o_lead_score_popover:has(.o_lead_score_number) li:contains(Source is Test Referral)",
        },
        {
            content: "the list is still there",
            trigger: ".o_list_view .o_data_row:first",
        },
    ],
});
