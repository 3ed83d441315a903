"""Leads from any delimited file: a TOML description, read and planned without Odoo, loaded with it.

``read_description`` -> ``read_table`` -> ``make_plan`` are pure Python; ``load`` writes a plan into Odoo.
``python -m dev.leads description.toml`` shows what a description would load, without Odoo.
"""

from .description import read_description
from .errors import DescriptionError
from .plan import make_plan
from .reading import read_table

__all__ = ["DescriptionError", "make_plan", "read_description", "read_table"]
