"""``make pot``: the translation template from the addon as installed, every language brought up to it, what is missing.

A language is a file ``lead_scoring/i18n/xx.po``: terms that are no more are dropped, new ones are added empty. Each
empty or fuzzy term is told, up to TOLD of a language, and the exit code is not 0 while there is one.
"""

from __future__ import annotations

import io

from dev.databases import fresh_copy, own, prepared
from dev.paths import ADDON
from dev.say import say, step

FOLDER = ADDON / "i18n"
TEMPLATE = FOLDER / "lead_scoring.pot"
LANGUAGES = {"de": "German", "fr": "French", "es": "Spanish"}
TOLD = 10


def pot(_arguments: list[str]) -> int:
    """Write the template and the languages; 1 if a term is untranslated."""
    import polib

    with prepared("test"), step("Reading the terms of the installed addon"):
        exported = polib.pofile(_exported())
    _save(exported, TEMPLATE)
    say(f"{len(exported)} terms in {TEMPLATE.name}")
    return int(sum(_language(exported, code) for code in LANGUAGES) > 0)


def _exported() -> str:
    """The template as Odoo exports it."""
    from dev.databases import drop
    from dev.odoo_env import odoo_env

    name = fresh_copy("lead_scoring", own("pot"))
    try:
        with odoo_env(name, log_level="error") as env:
            from odoo.tools.translate import trans_export

            buffer = io.BytesIO()
            trans_export(None, ["lead_scoring"], buffer, "po", env)
            return buffer.getvalue().decode()
    finally:
        drop(name)


def _save(catalogue, path) -> None:
    """Write a file if anything but its dates has changed."""
    import polib

    if path.exists():
        before = polib.pofile(str(path))
        if [str(entry) for entry in before] == [str(entry) for entry in catalogue]:
            return
    catalogue.save(str(path))


def _language(template, code: str) -> bool:
    """Bring one language up to the template; True if a term is untranslated."""
    import polib

    path = FOLDER / f"{code}.po"
    known = {entry.msgid: entry for entry in polib.pofile(str(path))} if path.exists() else {}
    catalogue = polib.POFile(wrapwidth=78)
    catalogue.header = template.header
    catalogue.metadata = {**template.metadata, "Language": code}
    for entry in template:
        old = known.get(entry.msgid)
        catalogue.append(
            polib.POEntry(
                msgid=entry.msgid,
                msgstr=old.msgstr if old and not old.fuzzy else "",
                comment=entry.comment,
                tcomment=entry.tcomment,
                occurrences=entry.occurrences,
                flags=entry.flags,
            )
        )
    _save(catalogue, path)
    missing = catalogue.untranslated_entries()
    say(f"{LANGUAGES[code]}: {len(catalogue) - len(missing)} of {len(catalogue)} terms translated")
    for entry in missing[:TOLD]:
        say(f"  {entry.msgid!r}")
    if len(missing) > TOLD:
        say(f"  and {len(missing) - TOLD} more: the empty ones in {path.name}")
    return bool(missing)
