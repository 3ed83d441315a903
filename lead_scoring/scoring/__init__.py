"""The mathematics of lead scores: columns in, scores and their reasons out.

Pure Python and numpy, without Odoo. scikit-learn is needed to train and to evaluate, and is imported by
`training`, `evaluation` and `report` alone: import those where a model is trained, never where leads are
scored.
"""
