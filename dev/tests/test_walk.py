"""What the walk of a new administrator takes for an error, and the files that it brings."""

import csv

from dev import walk

LOG = """\
2026-01-01 08:00:00,001 7 INFO walk werkzeug: "POST /web HTTP/1.1" 200
2026-01-01 08:00:00,002 7 ERROR walk odoo.sql_db: bad query: UPDATE "discuss_channel_member" SET x
ERROR: could not serialize access due to concurrent update
2026-01-01 08:00:00,003 7 ERROR walk odoo.sql_db: bad query: UPDATE "crm_lead" SET x
ERROR: could not serialize access due to concurrent update
2026-01-01 08:00:00,004 7 WARNING walk odoo.http: no ERROR this
2026-01-01 08:00:00,005 7 CRITICAL ? odoo.service.server: gone
"""


def test_errors_are_found_and_what_odoo_tries_again_in_discuss_is_none():
    found = walk.errors_in(LOG)
    assert len(found) == 2
    assert "crm_lead" in found[0] and "could not serialize" in found[0]
    assert "gone" in found[1]


def test_files_hold_closed_leads_with_their_outcome_and_open_ones_without(tmp_path, monkeypatch):
    monkeypatch.setattr(walk, "RUN", tmp_path)
    closed, opened = ([*csv.DictReader(path.open(newline=""))] for path in walk._write_leads())
    assert (len(closed), len(opened)) == (walk.N_CLOSED, walk.N_OPEN)
    assert {(row["Stage"], row["Active"], row["Probability"]) for row in closed} == {
        ("Won", "True", "100"),
        ("New", "False", "0"),
    }
    assert "Stage" not in opened[0]
    assert all(row["Opportunity"] and "unknown" not in row["Source"] for row in opened)
