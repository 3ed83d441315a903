"""Speed and quality against Odoo's own scoring. Not shipped with the addon."""
