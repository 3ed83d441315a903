import { crmKanbanView } from "@crm/views/crm_kanban/crm_kanban_view";
import { _t } from "@web/core/l10n/translation";
import { patch } from "@web/core/utils/patch";

/** The tooltip of a column's header tells the average score of its leads, asked for when it opens. */
patch(crmKanbanView.Renderer.components.KanbanHeader.prototype, {
    setup() {
        super.setup();
        const loadTooltip = this.loadTooltip;
        this.loadTooltip = async () => {
            const [entries, average] = await Promise.all([
                super.hasTooltip ? loadTooltip() : [],
                this.loadAverageScore(),
            ]);
            return [...entries, ...average];
        };
    },

    get hasTooltip() {
        return super.hasTooltip || this.hasScores;
    },

    get hasScores() {
        const { fields, model } = this.props.list;
        return "lead_score" in fields && !model.useSampleModel && this.group.count > 0;
    },

    async loadAverageScore() {
        if (!this.hasScores) {
            return [];
        }
        const [found] = await this.orm.silent.formattedReadGroup("crm.lead", this.group.groupDomain, [], ["lead_score:avg"]);
        const average = found && found["lead_score:avg"];
        return average ? [{ title: _t("Average Score"), value: Math.round(average) }] : [];
    },
});
