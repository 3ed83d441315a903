from . import (
    test_access,
    test_config,
    test_features_as_of,
    test_features_catalogue,
    test_features_extract,
    test_grades,
    test_hoot,
    test_lead_fields,
    test_runs,
    test_scoring_model,
    test_screens,
    test_trend,
)
