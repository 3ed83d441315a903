import { cookie } from "@web/core/browser/cookie";
import { getColor, hexToRGBA } from "@web/core/colors/colors";
import { loadBundle } from "@web/core/assets";

import { Component, onWillStart, useEffect, useRef } from "@odoo/owl";

/** A chart by Chart.js, with what it shows in words: below it, and for screen readers in its place. */
export class ReportChart extends Component {
    static template = "lead_scoring.ReportChart";
    static props = {
        name: String,
        title: String,
        gist: String,
        config: Function,
        height: { type: Number, optional: true },
        wide: { type: Boolean, optional: true },
    };

    setup() {
        this.canvas = useRef("canvas");
        onWillStart(() => loadBundle("web.chartjs_lib"));
        useEffect(
            () => {
                this.chart = new Chart(this.canvas.el, this.props.config(themeOf(this.canvas.el)));
                return () => this.chart.destroy();
            },
            () => [this.props.config],
        );
    }
}

/**
 * Colours as the page has them, so that a chart is legible in light and in dark: those of text and lines follow the
 * text around the chart, the others are of Odoo's palette, which goes with both.
 */
function themeOf(element) {
    const { color } = getComputedStyle(element);
    const [model, won, lost] = [1, 3, 4].map((index) => getColor(index, cookie.get("color_scheme"), "md"));
    return {
        text: color,
        muted: faded(color, 0.7),
        grid: faded(color, 0.15),
        model,
        pair: hexToRGBA(model, 0.5),
        won,
        lost,
    };
}

/** A computed colour, "rgb(1, 2, 3)" or "rgba(1, 2, 3, 0.9)", with another opacity. */
function faded(color, opacity) {
    const [red, green, blue] = color.match(/[\d.]+/g) || [128, 128, 128];
    return `rgba(${red}, ${green}, ${blue}, ${opacity})`;
}
