from odoo import SUPERUSER_ID, api


def migrate(cr, version):
    """The scheduled action is the administrator's (noupdate), so what it calls is changed here."""
    env = api.Environment(cr, SUPERUSER_ID, {})
    cron = env.ref("lead_scoring.ir_cron_saved_leads", raise_if_not_found=False)
    if cron:
        cron.write({"name": "Lead Scoring: score and move leads that were saved", "code": "model._cron_saved_leads()"})
