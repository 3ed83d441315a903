"""``python3 -m dev.leads description.toml [time|random]``: what a description would load, without Odoo."""

import sys

from . import DescriptionError, make_plan, read_description, read_table


def main(arguments):
    if not 1 <= len(arguments) <= 2:
        print(__doc__, file=sys.stderr)
        return 2
    try:
        description = read_description(arguments[0])
        plan = make_plan(description, read_table(description), split=arguments[1] if len(arguments) > 1 else None)
    except DescriptionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    for line in lines(plan):
        print(line)
    return 0


def lines(plan):
    """What to show of a plan."""
    yield f"{plan.description.title}: {plan.summary()}"
    yield f"created {plan.created[0]:%Y-%m-%d} to {plan.created[-1]:%Y-%m-%d} (as they would be loaded now)"
    yield ""
    yield f"{'column':32s}{'becomes':28s}{'filled':>8s}{'distinct':>10s}  example"
    for planned in plan.columns:
        column = planned.column
        becomes = {"field": column.field, "company": f"company.{column.field}"}.get(
            column.target, f"property ({planned.kind})"
        )
        present = [value for value in planned.values if value is not None]
        distinct = len({str(value) for value in present})
        yield (
            f"{column.name[:30]:32s}{becomes + (' late' if column.late else ''):28s}"
            f"{len(present) / plan.n_leads:8.0%}{distinct:10,d}  {' '.join(str(present[0]).split())[:40] if present else ''}"
        )
    yield ""
    yield f"the first lead: {plan.names[0]}"
    for note in plan.notes:
        yield f"note: {note}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
