from . import models, wizard


def post_init_hook(env):
    env["crm.stage"]._make_scoring_stages()


def uninstall_hook(env):
    """Leave nothing behind but the two stages, in which there may be leads."""
    env["crm.stage"]._forget_scoring_stages()
    env["lead.scoring.move"]._forget_activity_type()
    env["lead.scoring.model"]._forget_trainings()
