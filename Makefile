# Thin on purpose: each target is `python3 -m dev <command>`, where the work is done (see dev/__init__.py).
PYTHON ?= python3
DEV = $(PYTHON) -m dev

# What a person may set: PORT, HOST, LEADS, FRESH, K, DATA, SEED, SPLIT, BENCH_PG, ODOO_SOURCE, PG*.
export PORT HOST LEADS FRESH K DATA SEED SPLIT BENCH_PG ODOO_SOURCE

.DEFAULT_GOAL := help
COMMANDS = demo serve shell psql stop clean clean-cache test test-crm lint format pot screenshots walk bench bench-lists quality fetch
.PHONY: help $(COMMANDS)

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo:  ## Odoo with real leads, scored, at http://localhost:8069 (PORT=..., LEADS=all, FRESH=1)
serve:  ## the demo again, with Odoo's log on the terminal
shell:  ## Odoo's Python shell on the demo database
psql:  ## psql on the demo database
stop:  ## stop this clone's Odoo and PostgreSQL
clean:  ## remove this clone's databases
clean-cache:  ## remove Odoo and the Python packages, which all clones share
test:  ## all tests, browser included (K=expression runs some)
test-crm:  ## Odoo's own tests of CRM: what passes without the addon passes with it (K=expression)
lint:  ## check the code: ruff, pylint-odoo, prettier
format:  ## mend what lint can mend
pot:  ## the translation template, and what is untranslated in German, French and Spanish
screenshots:  ## take the pictures of the docs from the demo
walk:  ## the way of a new administrator in a real browser, with pictures (docs/first_steps.md)
bench:  ## speed against Odoo's own scoring (LEADS=200000, BENCH_PG=system|embedded)
bench-lists:  ## speed of lists with scores against Odoo's own (LEADS=1000000)
quality:  ## quality on any CSV (DATA=description.toml, SEED=n, SPLIT=time|random)
fetch:  ## only download what the others need

$(COMMANDS):
	@$(DEV) $@
