"""What scores, as text: canonical JSON with its schema's version and a SHA-256 of the rest, strict both ways.

Nothing of a text is trusted: what is refused is refused in a sentence (``ScorecardError``).
"""

import hashlib
import json

import numpy as np

from .errors import ScorecardError

_MAXIMUM_TEXT = 16_000_000


def canonical(content):
    """The one text of a content: same content, same bytes."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)


def digest(content):
    """SHA-256 of a content, as hexadecimal digits."""
    try:
        return hashlib.sha256(canonical(content).encode()).hexdigest()
    except ValueError as error:  # an infinite number, such as 1e999
        raise ScorecardError(_sentence("A number in it is not finite.")) from error


def sealed(content):
    """The text of a content with its checksum."""
    return canonical({**content, "sha256": digest(content)})


def opened(text, schema):
    """The content of a text by `sealed`, as a dict.

    :param schema: int, the newest schema that can be read
    :raises ScorecardError: with the reason, when it is none, was changed, or is of a newer schema
    """
    content = _parse(text)
    _check_schema(content.get("schema"), schema)
    stated = content.pop("sha256", None)
    check(isinstance(stated, str), "It has no checksum.")
    check(stated == digest(content), "It was changed after it was made: its checksum is wrong.")
    return content


def check(condition, reason):
    """:raises ScorecardError: with the reason, unless the condition holds"""
    if not condition:
        raise ScorecardError(_sentence(reason))


def check_keys(content, keys):
    """:raises ScorecardError: unless a content is an object of these keys exactly"""
    check(isinstance(content, dict), "A part of it is not an object.")
    missing, unknown = sorted(keys - content.keys()), sorted(content.keys() - keys)
    check(not missing, f"It lacks {', '.join(missing)}.")
    check(not unknown, f"It holds something unknown: {', '.join(unknown)[:100]}.")


def number(value, what):
    """A finite float; a bool or a text is none."""
    is_number = isinstance(value, (int, float, np.integer, np.floating)) and not isinstance(value, bool)
    check(is_number and abs(value) <= 1.7e308, f"{what} is not a finite number.")
    return float(value)


def whole(value, what, low, high):
    """An int from low to high; a bool or a text is none."""
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    check(is_whole and low <= value <= high, f"{what} is not a whole number from {low} to {high}.")
    return int(value)


def text(value, what, longest, shortest=1):
    """A text of so many characters."""
    check(isinstance(value, str) and shortest <= len(value) <= longest, f"{what} is not a text, or too long.")
    return value


def _sentence(reason):
    return f"This scorecard cannot be used. {reason}"


def _parse(text):
    """The JSON object of a text, as a dict."""
    check(isinstance(text, str), "It is not a text.")
    check(len(text) <= _MAXIMUM_TEXT, "It is too long.")
    try:
        content = json.loads(text, parse_constant=_refuse_constant, object_pairs_hook=_distinct)
    except ScorecardError:
        raise
    except (ValueError, RecursionError) as error:
        raise ScorecardError(_sentence("It is not JSON, or was cut short.")) from error
    check(isinstance(content, dict), "It is not a JSON object.")
    return content


def _refuse_constant(constant):
    raise ScorecardError(_sentence(f"It holds {constant}, which is not a number."))


def _distinct(pairs):
    content = dict(pairs)
    check(len(content) == len(pairs), "It says the same thing twice.")
    return content


def _check_schema(schema, newest):
    check(type(schema) is int and schema >= 1, "It does not say its schema.")
    check(
        schema <= newest,
        f"It was made by a newer release (schema {schema}; this release reads up to schema {newest}). "
        "Update the addon, or train the model again.",
    )
