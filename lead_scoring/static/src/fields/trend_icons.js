/** The classes of the icon of each trend. */
export const TREND_ICONS = {
    up: "fa-arrow-up text-success",
    steady: "fa-arrow-right text-muted",
    down: "fa-arrow-down text-danger",
    unknown: "fa-minus text-muted",
};
