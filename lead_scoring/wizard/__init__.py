from . import lead_scoring_comparison, lead_scoring_grade_fit
