from . import lead_scoring_grade_fit
