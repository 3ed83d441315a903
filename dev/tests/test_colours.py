"""The addon's screens have no colours of their own: they follow the theme, be it light or dark."""

import re
from pathlib import Path

SOURCES = Path(__file__).parents[2] / "lead_scoring" / "static" / "src"
LITERAL = re.compile(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(\s*\d|\b(?:color|background)\s*:\s*(?:white|black|red|green)")
# Sides that stay where they are when one reads from right to left.
FIXED_SIDE = re.compile(r"\b(?:margin|padding|border)-(?:left|right)\b|\b(?:float|text-align):\s*(?:left|right)\b")
FIXED_CLASS = re.compile(r"""["'\s](?:float-(?:left|right)|text-(?:left|right)|[mp][lr]-[0-5])["'\s]""")


def found(pattern, suffixes):
    files = [path for path in SOURCES.rglob("*") if path.suffix in suffixes]
    assert files
    return [f"{path.name}: {match[0]}" for path in files for match in pattern.finditer(path.read_text())]


def test_no_colour_is_written_out():
    assert found(LITERAL, {".scss", ".xml"}) == []


def test_sides_are_start_and_end():
    assert found(FIXED_SIDE, {".scss", ".xml"}) == []
    assert found(FIXED_CLASS, {".xml"}) == []
