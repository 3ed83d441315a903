import { _t } from "@web/core/l10n/translation";
import { deserializeDateTime, formatDate, formatDateTime } from "@web/core/l10n/dates";

import { TREND_ICONS } from "../fields/trend_icons";

import { Component } from "@odoo/owl";

/** Score, grade and trend of a lead on one line, with the model and when it scored. */
export class LeadScoreBasics extends Component {
    static template = "lead_scoring.LeadScoreBasics";
    static props = {
        // score, grade, color, trend, word, earlier, ready, ready_since, outdated_since
        basics: Object,
        // what came by RPC: model, scored_on
        details: { type: [Object, { value: null }], optional: true },
        // what is to be known now, in the place of the model
        news: { type: [String, { value: false }], optional: true },
    };

    get model() {
        return this.props.details?.model;
    }

    get icon() {
        return TREND_ICONS[this.props.basics.trend];
    }

    get trend() {
        const { trend, word, earlier } = this.props.basics;
        return trend === "up" || trend === "down" ? _t("%(word)s from %(earlier)s", { word, earlier }) : word;
    }

    get scoredOn() {
        const date = deserializeDateTime(this.props.details.scored_on);
        const days = luxon.DateTime.now().startOf("day").diff(date.startOf("day"), "days").days;
        if (days < 1) {
            return _t("scored today");
        }
        return days < 2 ? _t("scored yesterday") : _t("scored on %(date)s", { date: formatDate(date) });
    }

    get scoredAt() {
        return formatDateTime(deserializeDateTime(this.props.details.scored_on));
    }

    get ready() {
        const { ready, ready_since: since } = this.props.basics;
        if (!ready) {
            return "";
        }
        return since
            ? _t("Sales ready since %(date)s", { date: formatDate(deserializeDateTime(since)) })
            : _t("Sales ready");
    }

    get outdated() {
        const { outdated_since: since } = this.props.basics;
        return since ? _t("Out of date since %(date)s", { date: formatDate(deserializeDateTime(since)) }) : "";
    }
}
