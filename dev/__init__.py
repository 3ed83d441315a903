"""How this project gets Odoo, PostgreSQL, its Python packages and its databases. Not shipped with the addon.

Everything is reached through ``python3 -m dev <command>`` (the Makefile is a thin list of those). Two stages:

1. the *bootstrap*, plain Python without any package: makes the virtual environment and fetches Odoo
   (``cache``, ``apt``, ``odoo_source``, ``venv``), then starts the same command again inside the environment;
2. the *work*, inside the environment, with Odoo on the path (``postgres``, ``databases``, ``server``, ``suite`` ...).

What is fetched lives in a cache outside the repository, shared by all clones; clusters, databases and filestores
belong to one clone (``paths``). ``say`` is how all of it talks, and the one way it fails: a ``Problem`` is one line.
"""
