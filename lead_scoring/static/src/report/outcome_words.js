import { _t } from "@web/core/l10n/translation";

/** What the leads of the good outcome are called, and their share: of a report, or of {outcome}. */
export function termsOf({ specification, outcome = specification?.outcome }) {
    return outcome === "qualified"
        ? { is_won: _t("qualified"), Is_won: _t("Qualified"), win_rate: _t("qualification rate"), Win_rate: _t("Qualification rate") }
        : { is_won: _t("won"), Is_won: _t("Won"), win_rate: _t("win rate"), Win_rate: _t("Win rate") };
}
