import { browser } from "@web/core/browser/browser";
import { ConnectionLostError, RPCError } from "@web/core/network/rpc";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardWidgetProps } from "@web/views/widgets/standard_widget_props";

import { Component, status, useEffect, useState } from "@odoo/owl";

const EVERY = 2500; // milliseconds
const FIELDS = ["state", "message", "training_requested", "training_progress", "progress"];

const isWorking = ({ state, training_requested }) =>
    Boolean(training_requested) || ["going_live", "stopping"].includes(state);

/**
 * How far a training, a going live or a stopping is. Looks by itself as long as the page is seen, and loads the form
 * anew when it is over; what somebody types meanwhile is left alone.
 */
export class LeadScoringProgress extends Component {
    static template = "lead_scoring.LeadScoringProgress";
    static props = { ...standardWidgetProps };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ ...this.props.record.data });
        this.looking = false;
        useEffect(
            () => {
                const timer = browser.setInterval(() => this.look(), EVERY);
                return () => browser.clearInterval(timer);
            },
            () => []
        );
    }

    get percent() {
        const { state, training_progress, progress } = this.state;
        return Math.round((["going_live", "stopping"].includes(state) ? progress : training_progress) || 0);
    }

    async look() {
        if (this.looking || document.visibilityState === "hidden") {
            return;
        }
        this.looking = true;
        try {
            await this.lookOnce();
        } catch (error) {
            // Offline, or the model is gone: nothing to tell every few seconds; the next look may do better.
            if (!(error instanceof ConnectionLostError || error instanceof RPCError)) {
                throw error;
            }
        } finally {
            this.looking = false;
        }
    }

    async lookOnce() {
        const { resId, resModel } = this.props.record;
        const [now] = await this.orm.silent.read(resModel, [resId], FIELDS);
        if (status(this) === "destroyed" || this.props.record.resId !== resId) {
            return;
        }
        Object.assign(this.state, now);
        if (!isWorking(now) && !(await this.props.record.isDirty())) {
            await this.props.record.load();
        }
    }
}

registry.category("view_widgets").add("lead_scoring_progress", { component: LeadScoringProgress });
