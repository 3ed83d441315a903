"""The pure tests: a pytest of their own, without Odoo, with the addon's folder on the path."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
