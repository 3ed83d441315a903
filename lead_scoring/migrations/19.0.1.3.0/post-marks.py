from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """Leads that were to move had no marks before: the run of all leads moves them now, not in a day."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    cron = env.ref("lead_scoring.ir_cron_score_leads", raise_if_not_found=False)
    if cron:
        cron._trigger()
