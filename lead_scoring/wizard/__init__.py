from . import (
    lead_scoring_comparison,
    lead_scoring_go_live,
    lead_scoring_grade_fit,
    lead_scoring_rule_backtest,
    lead_scoring_rule_preview,
)
