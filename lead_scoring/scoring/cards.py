"""A card of whatever kind, from its text.

Models, scores and trends ask a card for `names`, `levels`, `scores`, `standing`, `scale` and `translate`, and do not
ask which kind it is: a Scorecard was learned, a RuleCard was written.
"""

from . import rules
from .scorecard import Scorecard


def card_from_json(text):
    """The Scorecard or RuleCard of a text. ScorecardError, with the reason, when it is neither."""
    if isinstance(text, str) and text.startswith(rules.BEGINNING):
        return rules.RuleCard.from_json(text)
    return Scorecard.from_json(text)
