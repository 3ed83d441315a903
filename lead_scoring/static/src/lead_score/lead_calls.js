import { ConnectionLostError, RPCError } from "@web/core/network/rpc";
import { useService } from "@web/core/utils/hooks";

import { useState } from "@odoo/owl";

/**
 * Asks the server for a part of what the widget shows of a lead, and tells quietly what became of it: a score that
 * cannot be loaded is no reason to disturb whoever works on the lead.
 *
 * @returns {{status: string, leadId: number, data: object|null, call: function}} status is "idle", "loading", "offline",
 *  "rights", "failed" or, as soon as there are data, "ready"; data of a lead stay while they are loaded again
 */
export function useLeadCall() {
    const orm = useService("orm");
    const state = useState({ status: "idle", leadId: false, data: null, call });
    let newest = 0;

    async function call(method, leadId, args = []) {
        const mine = ++newest;
        if (!state.data || state.leadId !== leadId) {
            Object.assign(state, { status: "loading", leadId, data: null });
        }
        let [status, data] = ["ready", null];
        try {
            data = await orm.silent.call("crm.lead", method, [[leadId], ...args]);
        } catch (error) {
            status = statusOf(error);
        }
        if (mine === newest) {
            Object.assign(state, { status, data });
        }
        return status === "ready";
    }

    return state;
}

function statusOf(error) {
    if (error instanceof ConnectionLostError) {
        return "offline";
    }
    if (error instanceof RPCError) {
        return error.exceptionName === "odoo.exceptions.AccessError" ? "rights" : "failed";
    }
    throw error;
}
