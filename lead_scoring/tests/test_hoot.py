from odoo.tests import no_retry, tagged

from odoo.addons.web.tests import test_js


@tagged("post_install", "-at_install")
class TestLeadScoringHoot(test_js.HOOTCommon):
    """The unit tests of the addon's front end (`static/tests/*.test.js`), in a browser."""

    _test_params = []

    @no_retry
    def test_front_end(self):
        suite = self._generate_hash("@lead_scoring")
        self.browser_js(
            f"/web/tests?headless&loglevel=2&preset=desktop&timeout=15000&id={suite}",
            "",
            "",
            login="admin",
            timeout=300,
            success_signal="[HOOT] Test suite succeeded",
            error_checker=test_js.unit_test_error_checker,
        )

    @no_retry
    def test_front_end_on_a_phone(self):
        suite = self._generate_hash("@lead_scoring")
        self.browser_size, self.touch_enabled = "375x667", True
        self.browser_js(
            f"/web/tests?headless&loglevel=2&preset=mobile&tag=-headless&timeout=15000&id={suite}",
            "",
            "",
            login="admin",
            timeout=300,
            success_signal="[HOOT] Test suite succeeded",
            error_checker=test_js.unit_test_error_checker,
        )
