from . import models, wizard


def post_init_hook(env):
    env["crm.stage"]._make_scoring_stages()
