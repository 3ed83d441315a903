"""What can be an input of a model, and the words for it."""

from . import labels
from .extract import find
from .feature import Feature
from .labels import bin_label, missing_words

__all__ = ["Feature", "bin_label", "catalogue", "find", "level_label", "level_labels", "missing_words"]


def catalogue(env, leads=None):
    """Return ``{name: Feature}`` of all candidate inputs, labels in the language of the environment.

    :param leads: Domain of the leads among which a tag must be in use to be a candidate; None is all leads
    """
    return find(env, leads=leads)


def level_labels(env, keys_of):
    """Return ``{name: {key: words}}``: what people call the values of features.

    Names of records are read with the rights of ``env``: archived ones are named, deleted ones are
    "#7 (deleted)", and what the reader may not see says so. Values of features that do not exist any more are
    said as they are.

    :param keys_of: ``{name or Feature: keys}``
    """
    names = [name for name in keys_of if not isinstance(name, Feature)]
    found = find(env(su=True), names) if names else {}
    pairs, result = [], {}
    for name, keys in keys_of.items():
        feature = name if isinstance(name, Feature) else found.get(name)
        if feature is None:
            result[name] = {key: key for key in keys}
        else:
            pairs.append((name, feature, list(keys)))
    words = labels.level_words(env, [(feature, keys) for _name, feature, keys in pairs])
    result.update((name, spoken) for (name, _feature, _keys), spoken in zip(pairs, words))
    return result


def level_label(env, feature, key):
    """Return the words for one value; see :func:`level_labels` for many."""
    return level_labels(env, {feature: [key]})[feature][key]
