from odoo.tools.sql import column_exists, rename_column


def migrate(cr, version):
    """Runs that only moved leads score, too, what saving left due; so does their scheduled action."""
    if column_exists(cr, "lead_scoring_run", "moves_only"):
        rename_column(cr, "lead_scoring_run", "moves_only", "saved_only")
    cr.execute(
        "UPDATE ir_model_data SET name = 'ir_cron_saved_leads' WHERE module = 'lead_scoring' AND name = %s",
        ["ir_cron_move_leads"],
    )
