"""Two files such as strangers bring, and their descriptions. Made up on the spot; nothing is kept."""

import random

WINDOWS_TOML = """\
title = "Windows export"
leave_out = ["Letzte Änderung"]

[file]
path = "export.txt"
missing = ["k. A."]

[label]
column = "Status"
won = ["Closed - Won"]
lost = ["Closed - Lost", "Not interested any more"]

[date]
column = "Angelegt am"
format = "%d.%m.%Y %H:%M"

[lead]
name = "{Firma}, {Projekt}"

[columns]
Firma = "company"
Herkunft = "source_id"
Bemerkung = "description"
Projekt = { property = "property", label = "Projekt-Nr." }
Volumen = { field = "expected_revenue", decimal = "," }
"Größe (m²)" = "property"
Fax = "property"
Interessen = { field = "tag_ids", separator = "/" }
"""


def windows_export(n_rows=6000):
    """Tabs, Windows-1252, Windows line ends, quoted line ends, decimal commas, a column with 5,000 values, an
    empty one, labels with spaces, a third of the leads still open."""
    draw = random.Random(1)
    rows = [
        "Firma\tHerkunft\tBemerkung\tProjekt\tVolumen\tGröße (m²)\tFax\tInteressen\tAngelegt am\tStatus\tLetzte Änderung"
    ]
    for at in range(n_rows):
        source = draw.choice(["Messe", "Büro", "Web", "k. A."])
        size = draw.randrange(100, 90_000) / 100
        good = {"Messe": 0.6, "Büro": 0.4, "Web": 0.15, "k. A.": 0.3}[source] + (0.2 if size > 500 else -0.1)
        open_ = draw.random() < 0.33
        lost = draw.choice(["Closed - Lost", "closed - lost ", "Not interested any more"])
        cells = [
            f"Müller {at % 700} & Söhne",
            source,
            f'"Ruft an: ""später"";\r\n{at}\tMal"' if at % 3 else "",
            f"P-{at % 5000:05d}",
            f"{draw.randrange(1, 99)}.{draw.randrange(1000):03d},50 €" if at % 5 else "",
            f"{size:.2f}".replace(".", ","),
            "",
            draw.choice(["Dach/Wand", "Dach", ""]),
            f"{1 + at % 28:02d}.{1 + at // 28 % 12:02d}.{2018 + at // 2016} {8 + at % 9:02d}:{at % 60:02d}",
            "In Progress" if open_ else "Closed - Won" if draw.random() < good else lost,
            "31.12.2021",
        ]
        rows.append("\t".join(cells))
    return "\r\n".join(rows).encode("cp1252") + b"\r\n"


ODD_NAMES = ("", "Frage 1", "Frage 1", "a.b", "100 %", "#", 'so "genannt"', "schön 🙂", "id", "Name", "2nd")


def survey_toml(columns=60):
    """Every column but the label is kept as what it is found to be."""
    quoted = ["a.b", "100 %", "#", "schön 🙂", "id", "Name", "2nd", "Frage 1", "Frage 1 (2)", "column 1"]
    keys = [f'"{name}"' for name in quoted] + ["'so \"genannt\"'"]
    keys += [f"f{at}" for at in range(len(ODD_NAMES), columns - 1)]
    kept = "\n".join(f'{key} = "property"' for key in keys)
    return f'[file]\npath = "umfrage.csv"\n[label]\ncolumn = "Kauft?"\nwon = "JA"\nlost = "NEIN"\n[columns]\n{kept}\n'


def survey(n_won=50, n_lost=600, columns=60):
    """A byte order mark, 60 columns under odd names, no date, sorted by outcome, few won leads, numbers of
    every kind, constant and nearly empty columns."""
    draw = random.Random(2)
    names = [*ODD_NAMES, *(f"f{at}" for at in range(len(ODD_NAMES), columns - 1)), "Kauft?"]
    rows = [";".join(f'"{name.replace(chr(34), 2 * chr(34))}"' for name in names)]
    for at in range(n_won + n_lost + 40):
        won = at < n_won
        cells = [str(draw.randrange(4) + (won and place == 11)) for place in range(len(names) - 1)]
        cells[1] = f"{draw.gauss(5 + won, 2):.2f}".replace(".", ",")
        cells[2] = draw.choice(["ja", "nein", ""])
        cells[3] = "immer gleich"
        cells[4] = f"{draw.randrange(100)} %"
        cells[5] = "" if at % 50 else "selten"
        cells[6] = draw.choice(["rot; blau", 'er sagt: "ja"', "-"])
        cells[7] = f"{draw.randrange(10**7):,}".replace(",", ".")
        cells[8] = str(4_915_100_000_000 + draw.randrange(10**8))
        cells[9] = f"0{draw.randrange(1000, 9999)}"
        cells[10] = f"2020-{1 + at % 12:02d}-01"
        cells.append("JA" if won else "NEIN" if at < n_won + n_lost else "weiß noch nicht")
        rows.append(";".join(f'"{cell.replace(chr(34), 2 * chr(34))}"' for cell in cells))
    return "\ufeff".encode() + "\r\n".join(rows).encode()
