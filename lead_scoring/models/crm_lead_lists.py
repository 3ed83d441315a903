from collections.abc import Set
from contextlib import contextmanager

from odoo import api, models
from odoo.fields import Domain
from odoo.orm.domains import DomainAnd, DomainCondition
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
        if not (_is_page(offset, limit, count_limit) and _is_by_score(order) and _is_of_a_person(domain)):
            return read(domain, specification, offset=offset, limit=limit, order=order, count_limit=count_limit)
        # All of them have to be sorted: they are counted by the way, not by a query of its own.
        with self._without_parallel_workers():
            ids = self.search(domain, limit=max(count_limit, offset + limit), order=order).ids
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
        yield  # after an error it stays so until the transaction ends, which is at once as a rule
        self.env.execute_query(SQL("SELECT set_config(%s, %s, TRUE)", WORKERS, usual))


def _is_page(offset, limit, count_limit):
    """Whether a page and a count up to a limit are asked for, as the web client does. A count of all has no end."""
    numbers = (offset, limit, count_limit)
    return all(type(number) is int for number in numbers) and offset >= 0 and limit > 0 and count_limit > 0


def _is_by_score(order):
    return isinstance(order, str) and not set(SCORE_FIELDS).isdisjoint(order.replace(",", " ").split()[:1])


def _is_of_a_person(domain):
    """Whether a domain asks for nothing but leads of one salesperson."""
    domain = Domain(domain)
    return any(
        isinstance(condition, DomainCondition)
        and condition.field_expr == "user_id"
        and condition.operator in ("=", "in")
        and _is_one_id(condition.value)
        for condition in (domain.children if isinstance(domain, DomainAnd) else [domain])
    )


def _is_one_id(value):
    values = list(value) if isinstance(value, (list, tuple, Set)) else [value]
    return len(values) == 1 and type(values[0]) is int
