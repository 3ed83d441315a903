from collections.abc import Set
from contextlib import contextmanager

from odoo import api, models
from odoo.fields import Domain
from odoo.tools import SQL

from .crm_lead import SCORE_FIELDS

WORKERS = "max_parallel_workers_per_gather"


class CrmLead(models.Model):
    """Lists by score, read as fast as lists in Odoo's own order. ``benchmarks/lists.py`` holds them against those."""

    _inherit = "crm.lead"

    # A list by score has to look at all open leads of a person before it knows the best: without this index at those
    # that closed over the years, too.
    _open_of_user_idx = models.Index("(user_id) WHERE active IS TRUE AND won_status = 'pending'")

    @api.model
    @api.readonly
    def web_search_read(self, domain, specification, offset=0, limit=None, order=None, count_limit=None):
        read = super().web_search_read
        if not (limit and _is_by_score(order) and _is_of_people(domain)):
            return read(domain, specification, offset=offset, limit=limit, order=order, count_limit=count_limit)
        # All of them have to be sorted: they are counted by the way, not by a query of its own.
        to_count = max(count_limit, offset + limit) if count_limit else None
        with self._without_parallel_workers():
            ids = list(self._search(domain, order=order, limit=to_count))
            page = Domain("id", "in", ids[offset : offset + limit])
            found = read(Domain(domain) & page, specification, order=order)
        found["length"] = len(ids) if found["records"] else 0
        return found

    @contextmanager
    def _without_parallel_workers(self):
        """Let PostgreSQL sort by itself: the leads of a person are sorted sooner than workers have started."""
        ((usual, _now),) = self.env.execute_query(
            SQL("SELECT current_setting(%(name)s), set_config(%(name)s, '0', TRUE)", name=WORKERS)
        )
        yield  # an error ends the transaction or its savepoint, and the setting with it
        self.env.execute_query(SQL("SELECT set_config(%s, %s, TRUE)", WORKERS, usual))


def _is_by_score(order):
    return not set(SCORE_FIELDS).isdisjoint((order or "").replace(",", " ").split()[:1])


def _is_of_people(domain):
    """Whether a domain asks for the leads of some salespeople, and not for those of nobody."""
    return any(
        condition.field_expr == "user_id" and condition.operator in ("=", "in") and _names_all(condition.value)
        for condition in Domain(domain).iter_conditions()
    )


def _names_all(value):
    return all(value) if isinstance(value, (list, tuple, Set)) else bool(value)
