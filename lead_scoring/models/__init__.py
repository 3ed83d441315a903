from . import (
    crm_lead,
    crm_lead_score,
    crm_lead_score_history,
    crm_stage,
    lead_scoring_config,
    lead_scoring_feature,
    lead_scoring_grade,
    lead_scoring_model,
    lead_scoring_model_grades,
    lead_scoring_model_training,
    lead_scoring_model_version,
    lead_scoring_move,
    lead_scoring_run,
)
from . import (  # parts of the above
    crm_lead_moments,
    lead_scoring_config_moves,
    lead_scoring_model_moves,
    lead_scoring_run_moves,
)
