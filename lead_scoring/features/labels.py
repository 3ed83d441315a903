"""Words for values: what people read where a scorecard has keys and bounds."""

import math

from babel.dates import get_day_names

from odoo import _ as gettext
from odoo.exceptions import AccessError
from odoo.tools.misc import babel_locale_parse, formatLang

# Types whose values are whole: "3 to 9" says which values a bin holds.
WHOLE = ("count", "integer", "length")


def level_words(env, keys_of):
    """Return ``{feature: {key: words}}``; records are named by one look for each model.

    :param keys_of: list of (Feature, keys)
    """
    names = _record_names(env, keys_of)
    return [{key: _words(env, feature, key, names) for key in keys} for feature, keys in keys_of]


def _words(env, feature, key, names):
    if feature.type == "many2one":
        return names[feature.comodel].get(key) or env._("#%(id)s (deleted)", id=key)
    if feature.type == "selection":
        return dict(feature.choices).get(key) or env._("%(value)s (deleted)", value=key)
    if feature.type == "boolean":
        return {"yes": env._("Yes"), "no": env._("No")}.get(key, key)
    if feature.type == "weekday":
        days = get_day_names("wide", locale=babel_locale_parse(env.lang or "en_US"))
        return days[int(key) - 1] if key in "1234567" else key
    return key[:1].upper() + key[1:]


def _record_names(env, keys_of):
    """Return ``{model: {key: name}}``; archived records are named, those hidden from the reader say so."""
    wanted = {}
    for feature, keys in keys_of:
        if feature.type == "many2one":
            wanted.setdefault(feature.comodel, set()).update(int(key) for key in keys if key.isdecimal())
    return {model: _names_of(env, model, ids) for model, ids in wanted.items()}


def _names_of(env, model, ids):
    if model not in env or not ids:
        return {}
    records = env[model].with_context(active_test=False).browse(sorted(ids)).exists()
    hidden = env._("(not visible to you)")
    try:
        visible = records._filtered_access("read")
        names = {str(record.id): record.display_name for record in visible}
    except AccessError:
        names = {}
    return {str(record.id): names.get(str(record.id), hidden) for record in records}


def missing_words(feature, env=None):
    """Return the words for a lead that has no value of a feature."""
    _ = env._ if env is not None else gettext
    if feature.subject == "activity" and feature.type == "days":
        return _("never")
    return _("not filled in")


def bin_label(feature, low, high, env=None):
    """Return the words for the values from ``low`` (included) to ``high`` (not included).

    :param low: None if the bin is open below
    :param high: None if the bin is open above
    :param env: environment of the reader, for language and number format

    Examples: "fewer than 2", "3 to 9", "10 or more", "less than 3 days", "3 to 10 days".
    """
    type_ = feature.type if feature else "float"  # a feature that does not exist any more
    _ = env._ if env is not None else gettext
    if low is None and high is None:
        return _("any value")
    text = (_whole_range if type_ in WHOLE else _range)(low, high, env)
    if type_ in ("days", "moment"):
        return _("%(range)s days", range=text)
    if type_ == "length":
        return _("%(range)s characters", range=text)
    return text


def _whole_range(low, high, env):
    _ = env._ if env is not None else gettext
    first = None if low is None else math.ceil(low)
    last = None if high is None else math.ceil(high) - 1
    if last is None:
        return _("%(first)s or more", first=_number(env, first, 0))
    if first is None:
        return _("fewer than %(bound)s", bound=_number(env, last + 1, 0))
    if first >= last:
        return _number(env, first, 0)
    return _("%(first)s to %(last)s", first=_number(env, first, 0), last=_number(env, last, 0))


def _range(low, high, env):
    _ = env._ if env is not None else gettext
    digits = _digits(low, high)
    if high is None:
        return _("%(bound)s or more", bound=_number(env, low, digits))
    if low is None:
        return _("less than %(bound)s", bound=_number(env, high, digits))
    return _("%(low)s to %(high)s", low=_number(env, low, digits), high=_number(env, high, digits))


def _digits(low, high):
    """Return as few decimals as tell the bounds apart and keep each within a hundredth of itself."""
    bounds = [bound for bound in (low, high) if bound is not None]
    for digits in range(6):
        rounded = [round(bound, digits) for bound in bounds]
        close = all(abs(near - bound) <= abs(bound) / 100 for near, bound in zip(rounded, bounds))
        if close and len(set(rounded)) == len(bounds):
            return digits
    return 6


def _number(env, value, digits):
    if env is None:
        return f"{value:,.{digits}f}"
    return formatLang(env, value, digits=digits)
