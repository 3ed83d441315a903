import { formatFloat } from "@web/core/utils/numbers";
import { formatInteger, formatPercentage } from "@web/views/fields/formatters";

/** Whether a figure of a report is there: older releases had fewer of them. */
export const known = Number.isFinite;

export const percent = (share, decimals = 0) =>
    formatPercentage(share, { digits: [false, decimals], trailingZeros: true });

/** A lower bound, cut instead of rounded: it must not say more than is sure. */
export const atLeast = (share) => percent(Math.floor(share * 1000) / 1000, 1);

export const decimal = (value, decimals = 3) => formatFloat(value, { digits: [false, decimals] });

export const count = (value) => formatInteger(Math.round(value));

/** Of 100 cases: a share as people count. */
export const ofHundred = (share) => count(100 * share);
