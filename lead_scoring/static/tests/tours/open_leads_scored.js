import { registry } from "@web/core/registry";

/** A salesperson has leads scored from the list, and looks at the same leads in other views. */
registry.category("web_tour.tours").add("lead_scoring_score_now", {
    steps: () => [
        {
            content: "the first reason is told in the list",
            trigger:
                ".o_list_view .o_data_row:first td[name=lead_score_first_reason]:contains(Source is Test Referral)",
        },
        {
            content: "there is a bar beside the number",
            trigger: ".o_list_view .o_data_row:first td[name=lead_score] .o_lead_score_bar",
        },
        {
            content: "choose all leads",
            trigger: ".o_list_view thead .o_list_record_selector input",
            run: "click",
        },
        {
            trigger: ".o_control_panel .o_cp_action_menus button:contains(Actions)",
            run: "click",
        },
        {
            content: "have them scored now",
            trigger: ".o-dropdown-item:contains(Score Now)",
            run: "click",
        },
        {
            content: "a notice says what changed",
            trigger: ".o_notification:contains(leads scored: none changed)",
        },
        {
            content: "the same leads as cards, best first",
            trigger: ".o_switch_view.o_kanban",
            run: "click",
        },
        {
            content: "a card tells grade, score and trend",
            trigger:
                ".o_kanban_view .o_kanban_record:not(.o_kanban_ghost):first [name=lead_score]:has(.badge):has(.o_lead_score) [data-trend=up][title=Improving]",
        },
        {
            trigger: ".o_switch_view.o_pivot",
            run: "click",
        },
        {
            content: "by grade and trend",
            trigger: ".o_pivot_view th:contains(Lead Score)",
        },
        {
            trigger: ".o_switch_view.o_graph",
            run: "click",
        },
        {
            trigger: ".o_graph_view canvas",
        },
        {
            trigger: ".o_switch_view.o_calendar",
            run: "click",
        },
        {
            trigger: ".o_calendar_view",
        },
        {
            trigger: ".o_switch_view.o_activity",
            run: "click",
        },
        {
            trigger: ".o_activity_view",
        },
        {
            trigger: ".o_switch_view.o_list",
            run: "click",
        },
        {
            trigger: ".o_list_view .o_data_row",
        },
    ],
});

/** A manager filters and groups, and finds the average score in the pipeline. */
registry.category("web_tour.tours").add("lead_scoring_manager_list", {
    steps: () => [
        {
            content: "everybody's leads",
            trigger: ".o_searchview_facet:contains(My Leads) .o_facet_remove",
            run: "click",
        },
        {
            trigger: ".o_list_view .o_data_row:contains(Test Referral)",
        },
        {
            trigger: ".o_searchview_dropdown_toggler",
            run: "click",
        },
        {
            content: "only grade A",
            trigger: ".o_filter_menu .o-dropdown-item:contains(Grade A)",
            run: "click",
        },
        {
            content: "in groups, by model",
            trigger: ".o_group_by_menu .o-dropdown-item:contains(Scoring Model)",
            run: "click",
        },
        {
            trigger: ".o_list_view .o_group_header:contains(Test model)",
        },
    ],
});

/** The header of a pipeline's column tells the average score of its leads. */
registry.category("web_tour.tours").add("lead_scoring_pipeline", {
    steps: () => [
        {
            trigger: ".o_opportunity_kanban .o_kanban_record [name=lead_score] .o_lead_score",
        },
        {
            trigger: ".o_kanban_group:has([name=lead_score]) .o_column_title",
            run: "hover",
        },
        {
            trigger: ".o-tooltip:contains(Average Score):contains(/[1-9][0-9]/)",
        },
    ],
});

/** A user without rights in CRM has no such menu, and no leads. */
registry.category("web_tour.tours").add("lead_scoring_no_rights", {
    steps: () => [
        {
            content: "the address alone does not help",
            trigger: ".o_error_dialog:contains(You are not allowed), .modal:contains(not allowed)",
        },
    ],
});
