import { defineMailModels } from "@mail/../tests/mail_test_helpers";
import { expect, test } from "@odoo/hoot";
import { advanceTime, animationFrame } from "@odoo/hoot-mock";
import { contains, defineModels, fields, MockServer, models, mountView, onRpc } from "@web/../tests/web_test_helpers";

class ScoringModel extends models.Model {
    _name = "lead.scoring.model";
    name = fields.Char();
    state = fields.Char();
    message = fields.Char();
    training_requested = fields.Boolean();
    training_progress = fields.Float();
    progress = fields.Float();
    _records = [];
}

defineModels([ScoringModel]);
defineMailModels();

const WORKING = "not training_requested and state not in ('going_live', 'stopping')";

async function show(values) {
    ScoringModel._records = [{ id: 1, name: "Likely to be won", state: "draft", ...values }];
    await mountView({
        type: "form",
        resModel: "lead.scoring.model",
        resId: 1,
        arch: /* xml */ `
            <form>
                <field name="state"/>
                <field name="name"/>
                <field name="message" invisible="1"/>
                <field name="training_requested" invisible="1"/>
                <field name="training_progress" invisible="1"/>
                <field name="progress" invisible="1"/>
                <widget name="lead_scoring_progress" invisible="${WORKING}"/>
            </form>`,
    });
}

async function later(values) {
    MockServer.env["lead.scoring.model"].write([1], values);
    await advanceTime(3000);
    await animationFrame();
}

test("the bar of a training moves by itself, without a bar before there is something to tell", async () => {
    await show({ training_requested: true, message: "Training starts within a minute." });
    expect(".o_widget_lead_scoring_progress").toHaveText("Training starts within a minute.");
    expect(".progress").toHaveCount(0);
    await later({ training_progress: 42, message: "Training is under way." });
    expect(".o_widget_lead_scoring_progress").toHaveText(/Training is under way/);
    expect(".progress").toHaveAttribute("aria-valuenow", "42");
    await later({ training_progress: 80 });
    expect(".progress").toHaveAttribute("aria-valuenow", "80");
});

test("when it is over, the form shows what became of it", async () => {
    await show({ state: "going_live", progress: 10, message: "Going live" });
    expect(".progress").toHaveAttribute("aria-valuenow", "10");
    await later({ state: "live", progress: 0, message: false });
    expect(".o_field_widget[name=state] input").toHaveValue("live");
    expect(".o_widget_lead_scoring_progress").toHaveCount(0);
});

test("what somebody types meanwhile is not lost", async () => {
    await show({ training_requested: true, training_progress: 90, message: "Training is under way." });
    await contains(".o_field_widget[name=name] input").edit("Another name");
    await later({ training_requested: false, training_progress: 0, message: "Trained." });
    expect(".o_field_widget[name=name] input").toHaveValue("Another name");
    expect(".o_widget_lead_scoring_progress").toHaveText("Trained.");
});

test("a server that does not answer is asked again", async () => {
    let down = true;
    onRpc("lead.scoring.model", "read", () => {
        if (down) {
            throw new Error("down");
        }
    });
    await show({ training_requested: true, training_progress: 10, message: "Training is under way." });
    await later({ training_progress: 20 });
    expect(".progress").toHaveAttribute("aria-valuenow", "10");
    down = false;
    await later({});
    expect(".progress").toHaveAttribute("aria-valuenow", "20");
});
