from . import test_access
from . import test_config
from . import test_grades
from . import test_lead_fields
from . import test_runs
from . import test_scoring_model
from . import test_trend
