import { formatFloat } from "@web/core/utils/numbers";

/** Points as people write them: "+12", "−7", "0". */
export function signed(points, digits = 0) {
    const size = formatFloat(Math.abs(points), { digits: [false, digits] });
    if (!Number(Math.abs(points).toFixed(digits))) {
        return size;
    }
    return `${points < 0 ? "−" : "+"}${size}`;
}
