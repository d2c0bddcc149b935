"""The commands tasks, encoders and doctor."""

from collections.abc import Sequence
from dataclasses import asdict

from xstilts.cli.options import STORE, Json, StoreDir, print_json, print_table


def tasks(*, suite: str | None = None, json: Json = False) -> None:
    """List the shipped tasks. With `--json` also their licences, citations and all sources.

    Parameters
    ----------
    suite
        Only the tasks of this suite.
    """
    from xstilts.api import catalogue

    tasks = catalogue.list_tasks(suite)
    descriptions = [catalogue.describe_task(task) for task in tasks]
    if json:
        return print_json(descriptions)
    has_fixed_shots = suite is not None and any(task.fixed_shot_sizes for task in tasks)
    rows = [
        {
            **row,
            "languages": " ".join(row["languages"]) if has_fixed_shots else len(row["languages"]),
            "suite": ", ".join(row["suite"]),
            "size (English)": catalogue.format_sizes(task),
            "shots": catalogue.format_fixed_shots(task) or "-",
            "images to choose from": catalogue.format_pool_sizes(task) or "-",
            "source": _shorten(row["source"]) or "files only",
        }
        for row, task in zip(descriptions, tasks, strict=True)
    ]
    extra = ("shots", "images to choose from") if has_fixed_shots else ()
    columns = ("name", "problem", "suite", "languages", "size (English)", *extra, "metric", "source")
    return print_table(rows, columns)


def _shorten(sources: Sequence[str]) -> str:
    return f"{sources[0]} and {len(sources) - 1} more" if len(sources) > 1 else "".join(sources)


def encoders(*, json: Json = False) -> None:
    """List the encoders with a short name. Any Hub id or local folder works too, and `TEXT+VISION` combines two."""
    from xstilts.api import catalogue

    rows = [asdict(card) for card in catalogue.list_encoders()]
    if json:
        return print_json(rows)
    shown = [row | {"pooling": row["pooling"] if row["kind"] == "text" else ""} for row in rows]
    print_table(shown, ("name", "kind", "languages", "pooling", "licence"))
    for row in rows:
        for note in row["notes"]:
            print(f"{row['name']}: {note}")
    return None


def doctor(*, hub: bool = False, store: StoreDir = STORE, json: Json = False) -> None:
    """Show versions, processor, memory, disk and cache of this machine.

    Parameters
    ----------
    hub
        Check whether the Hugging Face Hub answers.
    """
    from xstilts.api.doctor import diagnose, installation_error

    findings = diagnose(store, hub=hub)
    rows = [asdict(finding) for finding in findings]
    print_json(rows) if json else print_table(rows)
    if error := installation_error(findings):
        raise error
