from . import lead_scoring_config
from . import lead_scoring_grade
from . import lead_scoring_model_version
from . import lead_scoring_model
from . import lead_scoring_run
from . import crm_lead_score
from . import crm_lead_score_history
from . import crm_lead
