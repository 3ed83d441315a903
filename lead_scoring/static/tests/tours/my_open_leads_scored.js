import { registry } from "@web/core/registry";

/** A salesperson's morning: the list, best lead first, and why it is the best. */
registry.category("web_tour.tours").add("lead_scoring_my_open_leads", {
    steps: () => [
        {
            content: "open My Open Leads Scored from CRM's menu",
            trigger: ".o_menu_sections button:contains(Sales)",
            run: "click",
        },
        {
            content: "it is an entry of Sales",
            trigger: ".dropdown-item:contains(My Open Leads Scored)",
            run: "click",
        },
        {
            content: "the best lead stands first, with its score, the grade's badge and an arrow",
            trigger:
                ".o_list_view .o_data_row:first:has(td[name=lead_score]:contains(/^[1-9][0-9]?$/)):has(td[name=lead_grade] .badge.o_badge_color_10:contains(A)) [data-trend=up][title=Improving]:contains(Improving)",
        },
        {
            content: "one whose score fell is there, too",
            trigger: ".o_list_view .o_lead_score_trend[data-trend=down] .fa-arrow-down",
        },
        {
            content: "and one that is steady",
            trigger: ".o_list_view .o_lead_score_trend[data-trend=steady] .fa-arrow-right",
        },
        {
            content: "open the best lead",
            trigger: ".o_list_view .o_data_row:first td[name=name]",
            run: "click",
        },
        {
            content: "the form says why, in words and points",
            trigger: ".o_lead_score_panel .o_lead_score_reasons li:contains(Source is Test Referral):contains(/[+][0-9]/)",
        },
        {
            content: "with the grade and the word of the trend",
            trigger: ".o_lead_score_panel:has(.badge:contains(A)) [data-trend]:contains(Improving)",
        },
    ],
});

/** An administrator looks at the model, moves an edge of a grade, and saves. */
registry.category("web_tour.tours").add("lead_scoring_admin", {
    steps: () => [
        {
            content: "open the list of scoring models",
            trigger: ".o_list_view .o_data_row:contains(Test model) td[name=name]",
            run: "click",
        },
        {
            content: "the model is live and was trained",
            trigger: ".o_form_view .o_statusbar_status .o_arrow_button_current:contains(Live)",
        },
        {
            content: "move the edge of grade A",
            trigger: ".o_field_widget[name=grade_ids] .o_data_row:first td[name=min_score]",
            run: "click",
        },
        {
            trigger: ".o_field_widget[name=grade_ids] .o_data_row:first td[name=min_score] input",
            run: "edit 66",
        },
        {
            content: "leave the line",
            trigger: ".o_form_view .oe_title label",
            run: "click",
        },
        {
            content: "grade B follows before anything is saved",
            trigger: ".o_field_widget[name=grade_ids] .o_data_row:eq(1) td[name=max_score]:contains(65)",
        },
        {
            trigger: ".o_form_button_save",
            run: "click",
        },
        {
            trigger: ".o_form_view .o_form_saved",
        },
        {
            content: "the proposal of fitted ranges tells open leads and win rates",
            trigger: "button[name=action_fit_grades]",
            run: "click",
        },
        {
            trigger: ".modal .o_field_widget[name=line_ids] .o_data_row:eq(3):contains(D)",
        },
        {
            trigger: ".modal footer button:contains(Discard)",
            run: "click",
        },
        {
            trigger: "body:not(:has(.modal))",
        },
    ],
});
