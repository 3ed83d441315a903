"""The languages that the addon ships are complete: every term of the template, with what is filled into it."""

import re

import pytest

polib = pytest.importorskip("polib")

from dev.translations import FOLDER, LANGUAGES, TEMPLATE  # noqa: E402

PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|%[sd]|\{\{?\w+\}?\}")


@pytest.fixture(scope="module")
def terms():
    return {entry.msgid for entry in polib.pofile(str(TEMPLATE))}


@pytest.fixture(params=sorted(LANGUAGES))
def catalogue(request):
    return polib.pofile(str(FOLDER / f"{request.param}.po"))


def test_every_term_is_translated(catalogue, terms):
    assert len(terms) > 500
    assert {entry.msgid for entry in catalogue} == terms
    assert [entry.msgid for entry in catalogue if not entry.msgstr.strip() or entry.fuzzy] == []


def test_what_is_filled_in_is_filled_in_everywhere(catalogue):
    wrong = [
        entry.msgid
        for entry in catalogue
        if sorted(set(PLACEHOLDER.findall(entry.msgid))) != sorted(set(PLACEHOLDER.findall(entry.msgstr)))
    ]
    assert wrong == []
