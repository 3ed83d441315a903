import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";

/** See why a lead is scored: offered to new users, from the list to the reasons of the best lead. */
registry.category("web_tour.tours").add("lead_scoring_see_why", {
    url: "/odoo/my-open-leads-scored",
    steps: () => [
        {
            trigger: ".o_list_view .o_data_row [data-trend]",
        },
        {
            content: _t("The lead that is most likely to be won stands first. Open it to see why."),
            trigger: ".o_list_view .o_data_row:first td[name=name]",
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            content: _t("This is its score, its grade, and where it is going. Below it stands what made it."),
            trigger: ".o_form_view .o_lead_score_panel",
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            content: _t("Back to the list, for the next lead to call."),
            trigger: ".o_breadcrumb a:contains(/./), .o_back_button",
            tooltipPosition: "bottom",
            run: "click",
        },
        {
            trigger: ".o_list_view .o_data_row",
        },
    ],
});
