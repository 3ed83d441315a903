"""What is read back is what was written, and nothing else is read."""

import hashlib
import json
import random

import pytest
from made_up import card, paired_card
from scoring.errors import ScorecardError
from scoring.scorecard import CategoryLevels, FeatureCard, PairCard, Scorecard, round_stored
from scoring.stack import MOST_PAIRS


def sealed(content):
    """JSON of content with the checksum it ought to have: what a careful forger would write."""
    content = {key: value for key, value in content.items() if key != "sha256"}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"))
    return json.dumps({**content, "sha256": hashlib.sha256(text.encode()).hexdigest()})


def content():
    return json.loads(card().to_json())


def paired():
    return json.loads(paired_card().to_json())


def refused(text, message=None):
    with pytest.raises(ScorecardError, match=message) as caught:
        Scorecard.from_json(text)
    assert str(caught.value).startswith("This scorecard cannot be used. ")


def test_a_card_survives_the_way_through_text():
    text = card().to_json()
    read = Scorecard.from_json(text)
    assert read.to_json() == text
    assert read.sha256 == card().sha256 == content()["sha256"]
    assert [feature.won.tolist() for feature in read.features] == [[5, 1, 0, 0], [1, 1, 4, 0]]


def test_a_card_with_pairs_survives_too_and_says_its_schema():
    text = paired_card().to_json()
    read = Scorecard.from_json(text)
    assert read.to_json() == text and paired()["schema"] == 2 and content()["schema"] == 1
    assert read.pairs[0].scores.tolist() == paired_card().pairs[0].scores.tolist()
    # Without pairs there are schemas 1 and 2 to read; the text of one is not the other's.
    made = paired()
    made["pairs"] = []
    assert Scorecard.from_json(sealed(made)).to_json() == card().to_json()


def test_keys_of_any_script_survive():
    made = content()
    made["features"][0]["keys"] = ["Île-de-France \N{SNOWMAN}", "عربي\x00\ud800"]
    read = Scorecard.from_json(sealed(made))
    assert read.features[0].levels.keys == ("Île-de-France \N{SNOWMAN}", "عربي\x00\ud800")
    assert read.to_json().isascii()


def test_spaces_and_order_do_not_matter():
    assert Scorecard.from_json(json.dumps(content(), indent=2)).to_json() == card().to_json()


def test_a_card_of_a_newer_release_names_both_schemas():
    made = content()
    made["schema"] = 7
    made["triples"] = []
    refused(json.dumps(made), "schema 7; this release reads up to schema 2")


def test_an_altered_card_is_refused():
    refused(card().to_json().replace('"intercept":-1.0', '"intercept":-1.5'), "changed after it was made")


def test_every_cut_is_refused():
    text = card().to_json()
    for length in range(0, len(text), 7):
        refused(text[:length])


@pytest.mark.parametrize(
    "text",
    [
        None,
        7,
        b"{}",
        "",
        "null",
        "[]",
        "{}",
        "NaN",
        '"text"',
        "[" * 100_000,
        "9" * 10_000,
        '{"schema": 1}',
        '{"schema": true}',
        '{"schema": "1"}',
        '{"schema": 1, "sha256": "x"}',
        '{"a": 1, "a": 2}',
        '{"schema": 1e999}',
    ],
)
def test_what_is_no_card_is_refused(text):
    refused(text)


def put(path, value):
    """A change of the content: value at the path, or taken away if it is `...`."""

    def change(made):
        *way, last = path
        place = made
        for step in way:
            place = place[step]
        if value is ...:
            del place[last]
        else:
            place[last] = value

    return change


FIRST, SECOND = ("features", 0), ("features", 1)


@pytest.mark.parametrize(
    "change",
    [
        put(("intercept",), True),
        put(("intercept",), "1"),
        put(("intercept",), None),
        put(("intercept",), ...),
        put(("intercept",), 1e300),
        put(("intercept",), 10**400),
        put(("extra",), 1),
        put(("pairs",), []),
        put(("features",), {}),
        put(("features",), [1]),
        put(("features",), [{}]),
        put(("features",), None),
        put((*FIRST, "name"), ""),
        put((*FIRST, "name"), 5),
        put((*FIRST, "name"), "employees"),
        put((*FIRST, "kind"), "number"),
        put((*FIRST, "kind"), []),
        put((*FIRST, "kind"), "magic"),
        put((*FIRST, "keys"), ["be", "be"]),
        put((*FIRST, "keys"), ["be"]),
        put((*FIRST, "keys"), [1, 2]),
        put((*FIRST, "keys"), "be"),
        put((*FIRST, "keys"), [str(key) for key in range(400)]),
        put((*FIRST, "scores"), [0.0]),
        put((*FIRST, "scores"), [0.0, 0.0, True, 0.0]),
        put((*FIRST, "scores", 0), None),
        put((*FIRST, "scores", 0), 1e7),
        put((*FIRST, "closed", 0), -1),
        put((*FIRST, "closed", 0), 1.0),
        put((*FIRST, "closed", 0), True),
        put((*FIRST, "closed", 0), 2**70),
        put((*FIRST, "won", 0), 10),
        put((*FIRST, "won"), ...),
        put((*FIRST, "edges"), [1.0]),
        put((*FIRST, "extra"), None),
        put((*SECOND, "edges"), [100.0, 10.0]),
        put((*SECOND, "edges"), [10.0, 10.0]),
        put((*SECOND, "edges", 0), "1"),
        put((*SECOND, "edges", 0), False),
        put((*SECOND, "edges"), []),
    ],
)
def test_a_forged_card_with_the_right_checksum_is_refused(change):
    made = content()
    change(made)
    refused(sealed(made))


PAIR = ("pairs", 0)


@pytest.mark.parametrize(
    "change",
    [
        put(("schema",), 1),
        put(("pairs",), {}),
        put(("pairs",), ...),
        put(PAIR, None),
        put((*PAIR, "extra"), 1),
        put((*PAIR, "features"), ["country"]),
        put((*PAIR, "features"), ["country", "country"]),
        put((*PAIR, "features"), ["employees", "country"]),
        put((*PAIR, "features"), ["country", "gone"]),
        put((*PAIR, "features"), ["country", 5]),
        put((*PAIR, "groups"), [[0, 1, 1, 2]]),
        put((*PAIR, "groups", 0), [0, 1, 1]),
        put((*PAIR, "groups", 0), [0, 1, 1, 3]),
        put((*PAIR, "groups", 0), [0, 1, -1, 2]),
        put((*PAIR, "groups", 0), [0, 1, 1.0, 2]),
        put((*PAIR, "groups", 0), [0, 1, True, 2]),
        put((*PAIR, "groups", 0), [0, 1, 2**70, 2]),
        put((*PAIR, "groups", 0), []),
        put((*PAIR, "groups", 0), 7),
        put((*PAIR, "scores"), []),
        put((*PAIR, "scores"), [[0.0] * 4] * 2),
        put((*PAIR, "scores"), [[0.0] * 4] * 4),
        put((*PAIR, "scores"), [[0.0] * 400] * 3),
        put((*PAIR, "scores", 1), [0.0] * 3),
        put((*PAIR, "scores", 1, 1), None),
        put((*PAIR, "scores", 1, 1), "1"),
        put((*PAIR, "scores", 1, 1), True),
        put((*PAIR, "scores", 1, 1), 1e7),
        put((*PAIR, "scores", 1, 1), 10**400),
    ],
)
def test_a_forged_pair_with_the_right_checksum_is_refused(change):
    made = paired()
    change(made)
    refused(sealed(made))


def test_a_pair_that_is_told_twice_or_too_large_is_refused():
    made = paired()
    made["pairs"] *= 2
    refused(sealed(made), "a pair twice")
    names = [f"f{index}" for index in range(12)]
    made["features"] = [
        {
            "name": name,
            "kind": "number",
            "edges": list(range(32)),
            "scores": [0] * 34,
            "closed": [0] * 34,
            "won": [0] * 34,
        }
        for name in names
    ]
    made["pairs"] = [
        {"features": [one, two], "groups": [[*range(32), 31, 32]] * 2, "scores": [[0.0] * 33] * 33}
        for place, one in enumerate(names)
        for two in names[place + 1 :]
    ]
    refused(sealed(made), "too many scores")


def test_the_largest_card_that_training_makes_is_below_a_megabyte():
    chance = random.Random(0)

    def scores(count):
        return [chance.uniform(-1, 1) / 3 for _place in range(count)]

    levels = [CategoryLevels(f"property.{index}", tuple(f"key {key}" for key in range(253))) for index in range(20)]
    features = [FeatureCard(one, round_stored(scores(255)), [99_999] * 255, [9_999] * 255) for one in levels]
    groups = [*range(32), *[31] * 222, 32]
    pairs = [
        PairCard(
            (f"property.{2 * index}", f"property.{2 * index + 1}"),
            (groups, groups),
            [round_stored(scores(33)) for _row in range(33)],
        )
        for index in range(MOST_PAIRS)
    ]
    text = Scorecard(0.5, features, pairs).to_json()
    assert len(text) < 1_000_000
    assert Scorecard.from_json(text).to_json() == text


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_what_is_not_a_finite_number_is_refused(constant):
    refused(card().to_json().replace("-1.0", constant, 1))


@pytest.mark.parametrize("seed", range(200))
def test_mangled_cards_are_refused(seed):
    chance = random.Random(seed)
    text = (paired_card() if seed % 2 else card()).to_json()
    start, end = sorted(chance.sample(range(len(text)), 2))
    middle = (start + end) // 2
    mangled = chance.choice(
        [
            lambda: text[:start],
            lambda: text[:start] + text[end:],
            lambda: text[:start] + text[start:end] * 2 + text[end:],
            lambda: text[:start] + text[middle:end] + text[start:middle] + text[end:],
            lambda: text[:start] + chance.choice('0123456789-"[]{},:.eE\x00é') + text[start:],
            lambda: text[:start] + chr(ord(text[start]) ^ 1) + text[start + 1 :],
            lambda: text[start:] + text[:start],
        ]
    )()
    try:
        same = json.loads(mangled) == json.loads(text)
    except ValueError:
        same = False
    if not same:
        refused(mangled)
