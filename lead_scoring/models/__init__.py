from . import (
    crm_lead,
    crm_lead_score,
    crm_lead_score_history,
    lead_scoring_config,
    lead_scoring_feature,
    lead_scoring_grade,
    lead_scoring_model,
    lead_scoring_model_grades,
    lead_scoring_model_training,
    lead_scoring_model_version,
    lead_scoring_run,
    lead_scoring_run_probability,
)
