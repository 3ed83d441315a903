import { _t } from "@web/core/l10n/translation";
import { deserializeDateTime, formatDate, formatDateTime } from "@web/core/l10n/dates";
import { localization } from "@web/core/l10n/localization";

import { ReportChart } from "../report/report_chart";
import { useLeadCall } from "./lead_calls";
import { LeadScoreProblem } from "./lead_score_problem";
import { signed } from "./signed";
import { storyChart } from "./story_chart";

import { Component, onMounted, useState } from "@odoo/owl";

const SHOWN = 8;

/** How the score came about: a line over time, and each change with what made it. */
export class LeadScoreStory extends Component {
    static template = "lead_scoring.LeadScoreStory";
    static components = { LeadScoreProblem, ReportChart };
    static props = { leadId: Number };

    setup() {
        this.loaded = useLeadCall();
        this.state = useState({ all: false });
        this.signed = signed;
        onMounted(() => void this.load());
    }

    async load() {
        if (await this.loaded.call("get_lead_score_story", this.props.leadId)) {
            this.chart = this.loaded.data.changes.length ? storyChart(this.loaded.data) : null;
        }
    }

    /** Changes and moves in one list, the newest first. */
    get events() {
        const { changes, stages } = this.loaded.data;
        const events = [
            ...changes.map((change, index) => ({ key: `change${index}`, date: change.date, change })),
            ...stages.map((stage, index) => ({ key: `stage${index}`, date: stage.date, stage })),
        ];
        // The keys of equal dates are in the order of the server.
        return events.reverse().sort((one, other) => other.date.localeCompare(one.date));
    }

    get shown() {
        return this.state.all ? this.events : this.events.slice(0, SHOWN);
    }

    /** The arrow points the way one reads. */
    movedText({ before, after }) {
        const arrow = localization.direction === "rtl" ? "←" : "→";
        return before ? `${before} ${arrow} ${after}` : after;
    }

    dayOf({ date }) {
        return formatDate(deserializeDateTime(date));
    }

    timeOf({ date }) {
        return formatDateTime(deserializeDateTime(date));
    }

    scoreOf({ change, score }) {
        return change === null
            ? _t("First score: %(score)s", { score })
            : _t("%(before)s to %(after)s:", { before: score - change, after: score });
    }

    /** What made a change, in points that add up to it: "+5 the lead's data, −2 its ageing". */
    partsOf({ change, data, ageing, version }) {
        const parts = [
            [data, _t("the lead's data")],
            [ageing, _t("its ageing")],
            [version, _t("a new version of the model")],
        ];
        const texts = parts.filter(([points]) => points).map(([points, part]) => `${signed(points)} ${part}`);
        return change === null ? "" : ` ${texts.join(", ")}`;
    }

    namedText({ label, before, after, points }) {
        return _t("%(label)s: %(before)s, then %(after)s (%(points)s)", {
            label,
            before,
            after,
            points: signed(points),
        });
    }
}
