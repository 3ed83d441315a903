from . import lead_scoring_go_live, lead_scoring_grade_fit
