"""The bridge from leads to columns: all the SQL that reads leads is here.

``catalogue`` says what can be an input and how people call it, ``extract`` reads it as of a moment,
``pages`` walks through leads, ``moments`` makes what a model learns from. Imports ``scoring.table`` and Odoo,
no models.
"""
