from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Scoring had no switch before: it stays on where it was installed."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    env.ref("base.group_user")._apply_group(env.ref("lead_scoring.group_use_lead_scoring"))
