"""An Odoo environment in a plain Python program started by ``python3 -m dev run`` (see ``dev/__init__.py``).

>>> from dev.databases import fresh_copy, drop
>>> from dev.odoo_env import odoo_env
>>> fresh_copy("lead_scoring", "mine")            # doctest: +SKIP
>>> with odoo_env("mine") as env:                 # doctest: +SKIP
...     env["crm.lead"].create({"name": "x"})
...     env.cr.commit()
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

_configured = False


def configure(log_level: str = "warn") -> None:
    """Read Odoo's configuration (the file that ODOO_RC names) once in this process."""
    global _configured
    if _configured:
        return
    from odoo import netsvc
    from odoo.tools import config

    config.parse_config([f"--log-level={log_level}"])
    netsvc.init_logger()
    _configured = True


@contextlib.contextmanager
def odoo_env(database: str, log_level: str = "warn") -> Iterator:
    """The superuser's Environment on ``database``. The caller commits; what is not committed is rolled back."""
    configure(log_level)
    from odoo import SUPERUSER_ID, api, sql_db
    from odoo.modules.registry import Registry

    try:
        with Registry(database).cursor() as cursor:
            yield api.Environment(cursor, SUPERUSER_ID, {})
            cursor.rollback()
    finally:
        Registry.delete(database)
        sql_db.close_db(database)  # so that it can be dropped or copied
