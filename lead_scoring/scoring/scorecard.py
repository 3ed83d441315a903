"""The scorecard: tables that are added up.

A scorecard gives a lead log-odds to win: the intercept, for each feature the entry of its table at the
lead's level (a category, a bin of numbers, or missing), and for some pairs of features the entry of the
pair's table. Nothing else happens on the way, so an entry is what its feature contributes, exactly; what a
pair adds is shared half and half between its two. Tables are centred on the training leads, so a contribution
says how the lead differs from the average one, and pairs are pure: their weighted row and column means are
zero, for what a feature adds alone is in its own table.

Levels are small whole numbers. Stored beside a score they are all that is needed to compute it again, to say
its reasons, and to compare it with an older one (`translate`).

In text a scorecard is canonical JSON with its schema's version and a SHA-256 of the rest: schema 1 without
pairs, schema 2 with them, so that a card has one text for ever. `from_json` trusts nothing: what it returns is a scorecard that can score, and what it refuses it refuses in a sentence.
"""

import math
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np

from .artefact import check as _check
from .artefact import check_keys as _check_keys
from .artefact import digest, opened, sealed
from .artefact import number as _number

# With pairs; a card without any is of schema 1.
SCHEMA = 2

# A level is one byte: up to 254 levels, and this one for "no value".
MISSING = 255
MAXIMUM_KEYS = 253
MAXIMUM_EDGES = 253
MAXIMUM_FEATURES = 2_000

# Groups of either side of a pair, with missing; cells of all pairs of a card.
MAXIMUM_GROUPS = 33
MAXIMUM_CELLS = 60_000

# Far beyond any odds that leads can teach, far below what floats cannot add.
MAXIMUM_LOG_ODDS = 1_000.0
_MAXIMUM_COUNT = 2**53
MAXIMUM_KEY_LENGTH = 1_000

# Scores are held in 1..99: an open lead is neither lost nor won.
LOWEST_SCORE = 1
HIGHEST_SCORE = 99


def sigmoid(log_odds):
    """Probability of log-odds, without overflow."""
    return np.exp(-np.logaddexp(0.0, -np.asarray(log_odds, dtype=np.float64)))


def loss_of(log_odds, won):
    """Log loss of log-odds, elementwise: -log of the probability of what came true.

    :param log_odds: float64[n] or [n, f]
    :param won: int8[n]
    """
    log_odds = np.asarray(log_odds)
    won = np.asarray(won).reshape(-1, *[1] * (log_odds.ndim - 1))
    return np.logaddexp(0.0, np.where(won == 1, -log_odds, log_odds))


@dataclass(frozen=True)
class CategoryLevels:
    """Levels of a category: one for each key, and the last for every other value (rare, or never seen)."""

    name: str
    keys: tuple

    kind = "category"

    def __post_init__(self):
        object.__setattr__(self, "keys", tuple(self.keys))
        _check_name(self.name)
        _check(len(self.keys) <= MAXIMUM_KEYS, f"“{self.name}” has more than {MAXIMUM_KEYS} values.")
        _check(
            all(isinstance(key, str) and len(key) <= MAXIMUM_KEY_LENGTH for key in self.keys),
            f"A value of “{self.name}” is not a text, or too long.",
        )
        _check(len(set(self.keys)) == len(self.keys), f"“{self.name}” lists a value twice.")

    @property
    def n_levels(self):
        """Number of levels without the missing one."""
        return len(self.keys) + 1

    @property
    def other(self):
        """The level of values without a level of their own."""
        return len(self.keys)

    def encode(self, column):
        """Levels of a category column, uint8[n]."""
        index = {key: level for level, key in enumerate(self.keys)}
        levels = [index.get(key, self.other) for key in column.keys]
        return np.array([*levels, MISSING], dtype=np.uint8)[column.codes]

    def translation(self, older):
        """Where the levels of another card's feature go: dict of its level -> this level, if certain."""
        index = {key: level for level, key in enumerate(self.keys)}
        known = {level: index.get(key, self.other) for level, key in enumerate(older.keys)}
        if index.keys() <= set(older.keys):
            known[older.other] = self.other
        return known


@dataclass(frozen=True)
class NumberLevels:
    """Levels of a number: bins. A bin holds its lower edge and not its upper one; the outer ones are open."""

    name: str
    edges: tuple

    kind = "number"

    def __post_init__(self):
        _check_name(self.name)
        edges = tuple(_number(edge, f"An edge of “{self.name}”") for edge in self.edges)
        object.__setattr__(self, "edges", edges)
        _check(len(edges) <= MAXIMUM_EDGES, f"“{self.name}” has more than {MAXIMUM_EDGES} edges.")
        _check(
            all(low < high for low, high in pairwise(edges)),
            f"The edges of “{self.name}” do not rise.",
        )

    @property
    def n_levels(self):
        """Number of levels without the missing one."""
        return len(self.edges) + 1

    def bounds(self, level):
        """(low, high) of a bin: low <= value < high, infinite at the ends."""
        edges = (-math.inf, *self.edges, math.inf)
        return edges[level], edges[level + 1]

    def encode(self, column):
        """Levels of a number column, uint8[n]."""
        levels = np.searchsorted(np.array(self.edges), column.values, side="right").astype(np.uint8)
        levels[column.missing] = MISSING
        return levels

    def translation(self, older):
        """Where the bins of another card's feature go: dict of its level -> this level, if inside it."""
        edges = np.array(self.edges)
        known = {}
        for level in range(older.n_levels):
            low, high = older.bounds(level)
            first = int(np.searchsorted(edges, low, side="right"))
            last = int(np.searchsorted(edges, high, side="left"))
            if first == last:
                known[level] = first
        return known


@dataclass(frozen=True, eq=False)
class FeatureCard:
    """The table of one feature.

    :param levels: CategoryLevels | NumberLevels, of n_levels
    :param scores: float64[n_levels + 1], log-odds against the average training lead; the last one for missing
    :param closed: int64[n_levels + 1], training leads of each level
    :param won: int64[n_levels + 1], those that were won
    """

    levels: object
    scores: np.ndarray
    closed: np.ndarray
    won: np.ndarray

    def __post_init__(self):
        name, length = self.levels.name, self.levels.n_levels + 1
        scores = [_number(score, f"A score of “{name}”") for score in self.scores]
        closed, won = ([_count(count, name) for count in counts] for counts in (self.closed, self.won))
        _check(
            len(scores) == len(closed) == len(won) == length,
            f"The tables of “{name}” do not have its {length} levels.",
        )
        _check(
            all(abs(score) <= MAXIMUM_LOG_ODDS for score in scores),
            f"A score of “{name}” is beyond all measure.",
        )
        _check(all(map(int.__le__, won, closed)), f"“{name}” has more won leads than closed ones.")
        object.__setattr__(self, "scores", np.array(scores, dtype=np.float64))
        object.__setattr__(self, "closed", np.array(closed, dtype=np.int64))
        object.__setattr__(self, "won", np.array(won, dtype=np.int64))

    @property
    def name(self):
        return self.levels.name

    @cached_property
    def lookup(self):
        """float64[256], the score of each byte; what is no level of this feature counts as missing."""
        lookup = np.full(256, self.scores[-1])
        lookup[: len(self.scores) - 1] = self.scores[:-1]
        return lookup

    @cached_property
    def positions(self):
        """uint8[256], the place of each byte in the tables (`scores`, `closed`, `won`)."""
        n_levels = self.levels.n_levels
        return np.minimum(np.arange(256), n_levels).astype(np.uint8)


@dataclass(frozen=True, eq=False)
class PairCard:
    """The table of two features: what they add together beyond what each adds alone.

    Levels are put together in groups, so that the table of two features with many levels stays small.

    :param names: (str, str), of the features, in the card's order
    :param groups: (int64[n_levels_a + 1], int64[n_levels_b + 1]), the group of each level of either feature,
        the last one for missing; groups are numbered from 0 without a gap
    :param cells: float64[groups of a, groups of b], log-odds
    """

    names: tuple
    groups: tuple
    cells: np.ndarray

    def __post_init__(self):
        _check(len(self.names) == len(self.groups) == 2, "A pair is not of two features.")
        for name in self.names:
            _check_name(name)
        _check(self.names[0] != self.names[1], "A feature is paired with itself.")
        what = f"The pair “{self.names[0]}”, “{self.names[1]}”"
        groups = tuple(_groups(side, what) for side in self.groups)
        shape = tuple(int(side.max()) + 1 for side in groups)
        rows = [[_number(cell, f"{what} has a score that") for cell in row] for row in self.cells]
        _check(
            len(rows) == shape[0] and all(len(row) == shape[1] for row in rows),
            f"{what} does not have a score for each of its groups.",
        )
        _check(
            all(abs(cell) <= MAXIMUM_LOG_ODDS for row in rows for cell in row),
            f"{what} has a score beyond all measure.",
        )
        object.__setattr__(self, "names", tuple(self.names))
        object.__setattr__(self, "groups", groups)
        object.__setattr__(self, "cells", np.array(rows, dtype=np.float64))

    @property
    def scores(self):
        """float64[n_levels_a + 1, n_levels_b + 1], log-odds of all levels; the last of either for missing."""
        return self.cells[np.ix_(*self.groups)]

    @cached_property
    def _places(self):
        """(int32[256], int32[256]): what the bytes of both features add to the place in the flat table."""
        first, second = (side[np.minimum(np.arange(256), len(side) - 1)] for side in self.groups)
        return (first * self.cells.shape[1]).astype(np.int32), second.astype(np.int32)

    @cached_property
    def _flat(self):
        return np.ascontiguousarray(self.cells.ravel())

    def of(self, first, second):
        """float64[n], what the pair adds for levels uint8[n] of both features."""
        rows, columns = self._places
        return self._flat[rows[first] + columns[second]]


@dataclass(frozen=True, eq=False)
class Scorecard:
    """An intercept, the tables of the features, and those of pairs of features.

    :param intercept: float, log-odds of the average training lead
    :param features: tuple of FeatureCard, of distinct names
    :param pairs: tuple of PairCard, of distinct pairs of these features

    `levels` in the methods is uint8[n, f], what `levels(table)` returns; f the number of features.
    """

    intercept: float
    features: tuple = field(default=())
    pairs: tuple = field(default=())

    def __post_init__(self):
        intercept = _number(self.intercept, "The intercept")
        _check(abs(intercept) <= MAXIMUM_LOG_ODDS, "The intercept is beyond all measure.")
        object.__setattr__(self, "intercept", intercept)
        object.__setattr__(self, "features", tuple(self.features))
        _check(len(self.features) <= MAXIMUM_FEATURES, f"It has more than {MAXIMUM_FEATURES} features.")
        _check(len(set(self.names)) == len(self.features), "It lists a feature twice.")
        object.__setattr__(self, "pairs", tuple(self.pairs))
        _check(sum(pair.cells.size for pair in self.pairs) <= MAXIMUM_CELLS, "Its pairs have too many scores.")
        _check(len({pair.names for pair in self.pairs}) == len(self.pairs), "It lists a pair twice.")
        sizes = {feature.name: (place, feature.levels.n_levels + 1) for place, feature in enumerate(self.features)}
        for pair in self.pairs:
            _check(all(name in sizes for name in pair.names), "A pair is of a feature that is not there.")
            (first, rows), (second, columns) = (sizes[name] for name in pair.names)
            _check(first < second, "The features of a pair are not in order.")
            _check(
                [len(side) for side in pair.groups] == [rows, columns],
                f"The pair “{pair.names[0]}”, “{pair.names[1]}” does not have the levels of its features.",
            )

    @property
    def names(self):
        """Names of the features, in the order of the columns of `levels`."""
        return tuple(feature.name for feature in self.features)

    @property
    def average(self):
        """The score of the average training lead, int."""
        return int(scores_of(sigmoid(self.intercept)))

    # ---- leads -> levels

    def levels(self, table):
        """Levels of leads, uint8[n, f]. A column that is absent or of the other kind is missing."""
        levels = np.full((table.n_rows, len(self.features)), MISSING, dtype=np.uint8, order="F")
        unreadable = set(self.unreadable(table))
        for index, feature in enumerate(self.features):
            if feature.name not in unreadable:
                levels[:, index] = feature.levels.encode(table.columns[feature.name])
        return levels

    def unreadable(self, table):
        """Names of the features whose column is absent or of the other kind: missing on every lead."""
        kinds = {name: column.kind for name, column in table.columns.items()}
        return [feature.name for feature in self.features if kinds.get(feature.name) != feature.levels.kind]

    def translate(self, levels, from_card):
        """Levels that another card gave, as levels of this one.

        A level is carried over where the values it stands for all have one level here: a key, a bin wholly
        inside a bin, missing, and "other" when this card has no key that was new to the other one.

        :param levels: uint8[n, g], by `from_card`
        :return: (uint8[n, f], mappable bool[n]); rows that are not mappable hold a MISSING where it failed
        """
        levels = np.asarray(levels, dtype=np.uint8)
        column_of = {name: index for index, name in enumerate(from_card.names)}
        translated = np.full((len(levels), len(self.features)), MISSING, dtype=np.uint8, order="F")
        mappable = np.ones(len(levels), dtype=bool)
        for index, feature in enumerate(self.features):
            older = column_of.get(feature.name)
            if older is None:
                mappable[:] = False
                continue
            table, certain = _translation(feature.levels, from_card.features[older].levels)
            translated[:, index] = table[levels[:, older]]
            mappable &= certain[levels[:, older]]
        return translated, mappable

    # ---- levels -> scores

    # How `standing` is measured, see `trend`.
    scale = "log_odds"

    def standing(self, levels):
        """Where leads stand, float64[n]: what a trend compares."""
        return self.log_odds(levels)

    def log_odds(self, levels):
        """Log-odds to win, float64[n]: the intercept plus the sum of the contributions."""
        levels = np.asarray(levels)
        total = np.full(len(levels), self.intercept)
        for index, feature in enumerate(self.features):
            total += feature.lookup[levels[:, index]]
        for first, second, pair in self._placed_pairs:
            total += pair.of(levels[:, first], levels[:, second])
        return total

    def contributions(self, levels):
        """What each feature adds to the log-odds, float64[n, f]: its own table and half of its pairs'."""
        levels = np.asarray(levels)
        contributions = np.empty((len(levels), len(self.features)), order="F")
        for index, feature in enumerate(self.features):
            contributions[:, index] = feature.lookup[levels[:, index]]
        for first, second, pair in self._placed_pairs:
            half = pair.of(levels[:, first], levels[:, second])
            half /= 2
            contributions[:, first] += half
            contributions[:, second] += half
        return contributions

    @cached_property
    def _placed_pairs(self):
        """[(column of the first feature, column of the second, PairCard)]."""
        place = {name: index for index, name in enumerate(self.names)}
        return [(*(place[name] for name in pair.names), pair) for pair in self.pairs]

    def probabilities(self, levels):
        """Probability to win, float64[n]."""
        return sigmoid(self.log_odds(levels))

    def scores(self, levels):
        """Scores, int16[n] from 1 to 99: 100 times the probability, halves rounded up."""
        return scores_of(self.probabilities(levels))

    # ---- levels -> reasons

    def points(self, levels):
        """What each feature adds to the score, float64[n, f]: its share of 100 (p - p0), p0 the average
        lead's p.

        Contributions are log-odds; a feature's points are its contribution times the slope of the line from
        the average lead to this one, 100 (p - p0) / (z - z0), or the curve's own slope where the two meet.
        """
        contributions = self.contributions(levels)
        return 100 * contributions * self._slope(contributions.sum(axis=1))[:, None]

    def whole_points(self, levels):
        """Points as whole numbers, int64[n, f], that sum to what a person sees: score less average score.

        What rounding and holding scores in 1..99 took from the sum is shared in proportion to the points;
        then the largest remainders are rounded up. A feature that adds nothing shows 0.
        """
        return whole(self.points(levels), self.scores(levels).astype(np.int64) - self.average)

    def changes(self, before, after):
        """What each feature adds to the log-odds between two states of the same leads, float64[n, f].

        What a pair adds goes to those of its two whose level changed, half to each if both did: a feature that
        stayed as it was has changed nothing.

        :param before, after: uint8[n, f]
        """
        before, after = np.asarray(before), np.asarray(after)
        changes = np.empty(before.shape, order="F")
        for index, feature in enumerate(self.features):
            changes[:, index] = feature.lookup[after[:, index]] - feature.lookup[before[:, index]]
        moved = before != after
        for first, second, pair in self._placed_pairs:
            change = pair.of(after[:, first], after[:, second]) - pair.of(before[:, first], before[:, second])
            change = change / np.maximum(moved[:, first].astype(int) + moved[:, second], 1)
            changes[:, first] += np.where(moved[:, first], change, 0.0)
            changes[:, second] += np.where(moved[:, second], change, 0.0)
        return changes

    def whole_changes(self, before, after):
        """Changes as whole points, int64[n, f], that sum to the difference of the two scores."""
        changes = self.changes(before, after)
        distance = changes.sum(axis=1)
        old, new = self.probabilities(before), self.probabilities(after)
        far = np.abs(distance) > 1e-6
        slope = np.divide(new - old, distance, out=old * (1 - old), where=far)
        target = self.scores(after).astype(np.int64) - self.scores(before)
        return whole(100 * changes * slope[:, None], target)

    def _slope(self, distance):
        """(p - p0) / (z - z0) for distances z - z0, float64[n]: the difference itself where it is large, and
        where z nears z0 a form of it that does not lose digits."""
        p0, size = float(sigmoid(self.intercept)), np.abs(distance)
        far = size > 0.5
        plain = np.divide(
            sigmoid(self.intercept + distance) - p0,
            distance,
            out=np.zeros_like(size),
            where=far,
        )
        near = np.where(far, 0.0, size)
        fall = -np.expm1(-near)
        per_size = np.divide(fall, near, out=np.ones_like(near), where=near > 0)
        rest = np.where(distance > 0, 1 - p0, p0)
        return np.where(far, plain, p0 * (1 - p0) * per_size / (1 - rest * fall))

    # ---- text

    @cached_property
    def sha256(self):
        """Hash of the content, as it stands in the JSON."""
        return digest(self._content())

    def to_json(self):
        """The scorecard as canonical JSON: same card, same bytes."""
        return sealed(self._content())

    def _content(self):
        content = {
            "schema": 1,
            "intercept": self.intercept,
            "features": [_feature_content(feature) for feature in self.features],
        }
        if self.pairs:
            content.update(schema=2, pairs=[_pair_content(pair) for pair in self.pairs])
        return content

    @classmethod
    def from_json(cls, text):
        """The scorecard of a text by `to_json`. ScorecardError, with the reason, for any other text."""
        content = opened(text, SCHEMA)
        parts = ["features", "pairs"] if content["schema"] > 1 else ["features"]
        _check_keys(content, {"schema", "intercept", *parts})
        _check(isinstance(content["features"], list), "Its features are not a list.")
        _check(
            len(content["features"]) <= MAXIMUM_FEATURES,
            f"It has more than {MAXIMUM_FEATURES} features.",
        )
        pairs = content.get("pairs", [])
        _check(isinstance(pairs, list), "Its pairs are not a list.")
        _check(len(pairs) <= MAXIMUM_CELLS, "It has too many pairs.")
        features = tuple(map(_feature_from, content["features"]))
        return cls(content["intercept"], features, tuple(map(_pair_from, pairs)))


def round_stored(values, digits=12):
    """Numbers as they are stored, float64: the rounded ones are the definition, on every machine."""
    return np.array([float(f"{value:.{digits - 1}e}") + 0.0 for value in np.ravel(values)])


def scores_of(probabilities):
    """Scores of probabilities, int16[n] from 1 to 99, halves rounded up."""
    rounded = np.floor(100 * np.asarray(probabilities) + 0.5)
    return np.clip(rounded, LOWEST_SCORE, HIGHEST_SCORE).astype(np.int16)


def whole(points, target):
    """Points float64[n, f] as whole numbers that sum to `target` int64[n].

    What rounding took from the sum is shared in proportion to the points; then the largest remainders are
    rounded up. A feature that adds nothing shows 0.
    """
    size = np.abs(points)
    total = size.sum(axis=1)
    share = np.divide(size, total[:, None], out=np.zeros_like(size), where=total[:, None] > 0)
    exact = points + (target - points.sum(axis=1))[:, None] * share
    return _largest_remainder(np.round(exact, 9), np.where(total > 0, target, 0))


def _largest_remainder(exact, target):
    """Whole numbers near `exact` float64[n, f], each row summing to `target` int64[n]."""
    whole = np.floor(exact).astype(np.int64)
    short = target - whole.sum(axis=1)
    order = np.argsort(whole - exact, axis=1, kind="stable")
    rank = np.empty_like(order)
    np.put_along_axis(rank, order, np.arange(exact.shape[1])[None, :], axis=1)
    return whole + (rank < short[:, None])


def _translation(levels, older):
    """(uint8[256] level of each older level, bool[256] whether that is certain)."""
    table = np.full(256, MISSING, dtype=np.uint8)
    certain = np.zeros(256, dtype=bool)
    certain[MISSING] = True
    if levels.kind == older.kind:
        for level, new in levels.translation(older).items():
            table[level], certain[level] = new, True
    return table, certain


# ---- JSON


def _feature_content(feature):
    levels = feature.levels
    inputs = {"keys": list(levels.keys)} if levels.kind == "category" else {"edges": list(levels.edges)}
    return {
        "name": levels.name,
        "kind": levels.kind,
        **inputs,
        "scores": feature.scores.tolist(),
        "closed": feature.closed.tolist(),
        "won": feature.won.tolist(),
    }


_KINDS = {"category": (CategoryLevels, "keys"), "number": (NumberLevels, "edges")}


def _feature_from(content):
    _check(isinstance(content, dict), "A feature is not an object.")
    kind = content.get("kind")
    _check(isinstance(kind, str) and kind in _KINDS, "A feature is neither a category nor a number.")
    make, inputs = _KINDS[kind]
    _check_keys(content, {"name", "kind", inputs, "scores", "closed", "won"})
    for key in (inputs, "scores", "closed", "won"):
        _check(isinstance(content[key], list), f"The {key} of a feature are not a list.")
        _check(len(content[key]) <= MISSING, f"The {key} of a feature are too many.")
    levels = make(content["name"], content[inputs])
    return FeatureCard(levels, content["scores"], content["closed"], content["won"])


def _pair_content(pair):
    return {
        "features": list(pair.names),
        "groups": [side.tolist() for side in pair.groups],
        "scores": pair.cells.tolist(),
    }


def _pair_from(content):
    _check_keys(content, {"features", "groups", "scores"})
    for key in ("features", "groups", "scores"):
        _check(isinstance(content[key], list), f"The {key} of a pair are not a list.")
    _check(len(content["features"]) == len(content["groups"]) == 2, "A pair is not of two features.")
    _check(len(content["scores"]) <= MAXIMUM_GROUPS, "The scores of a pair are too many.")
    for part in (*content["groups"], *content["scores"]):
        _check(isinstance(part, list) and len(part) <= MISSING, "A part of a pair is not a list, or too long.")
    return PairCard(tuple(content["features"]), tuple(content["groups"]), content["scores"])


def _groups(values, what):
    """int64[n_levels + 1] of groups numbered from 0 without a gap."""
    groups = [_count(value, what) for value in values]
    _check(
        len(groups) > 0 and sorted(set(groups)) == list(range(max(groups) + 1)) and max(groups) < MAXIMUM_GROUPS,
        f"{what} does not number its groups.",
    )
    return np.array(groups, dtype=np.int64)


def _check_name(name):
    _check(
        isinstance(name, str) and 0 < len(name) <= MAXIMUM_KEY_LENGTH,
        "A feature has no name.",
    )


def _count(value, name):
    """A whole number from 0."""
    whole = not isinstance(value, bool) and isinstance(value, (int, np.integer))
    _check(whole and 0 <= value <= _MAXIMUM_COUNT, f"A count of “{name}” is not a whole number from 0.")
    return int(value)
