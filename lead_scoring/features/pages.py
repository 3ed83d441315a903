"""Ids of leads, page by page: memory stays flat, and changes between pages neither lose nor double a lead."""

import numpy as np

from odoo.fields import Domain

PAGE_SIZE = 20_000


def pages(env, domain, size=None, after=0):
    """Yield int64 arrays of at most ``size`` ids of the leads of a domain, archived ones too, ascending.

    :param size: PAGE_SIZE by default
    :param after: go on behind this id, the last one of a page read before
    """
    size = size or PAGE_SIZE
    leads = env["crm.lead"].with_context(active_test=False)
    domain = Domain(domain)
    while True:
        found = leads._search(domain & Domain("id", ">", after), order="id", limit=size).get_result_ids()
        if not found:
            return
        yield np.array(found, np.int64)
        if len(found) < size:
            return
        after = found[-1]
