import { localization } from "@web/core/l10n/localization";
import { formatFloat } from "@web/core/utils/numbers";

const LEFT_TO_RIGHT_MARK = "\u200e";

/** Points as people write them: "+12", "−7", "0"; the sign stays before them where one reads right to left. */
export function signed(points, digits = 0) {
    const size = formatFloat(Math.abs(points), { digits: [false, digits] });
    if (!Number(Math.abs(points).toFixed(digits))) {
        return size;
    }
    const mark = localization.direction === "rtl" ? LEFT_TO_RIGHT_MARK : "";
    return `${mark}${points < 0 ? "−" : "+"}${size}`;
}
