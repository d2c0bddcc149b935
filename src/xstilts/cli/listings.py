"""What there is: tasks, encoders, and the machine."""

from dataclasses import asdict

from xstilts.cli.options import STORE, Json, StoreDir, print_json, print_table


def tasks(*, suite: str | None = None, json: Json = False) -> None:
    """List the shipped tasks.

    Parameters
    ----------
    suite
        Only the tasks of this suite.
    """
    from xstilts.api import catalogue as listing

    tasks = listing.list_tasks(suite)
    found = [listing.describe_task(task) for task in tasks]
    if json:
        return print_json(found)
    published = suite is not None and any(task.fixed_shot_sizes for task in tasks)
    rows = [
        {
            **row,
            "languages": " ".join(row["languages"]) if published else len(row["languages"]),
            "suite": ", ".join(row["suite"]),
            "size (English)": listing.format_sizes(task),
            "shots": listing.format_fixed_shots(task) or "-",
            "images to choose from": listing.format_pool_sizes(task) or "-",
            "source": " ".join(row["source"]) or "files only",
        }
        for row, task in zip(found, tasks, strict=True)
    ]
    told = ("shots", "images to choose from") if published else ()
    columns = ("name", "problem", "suite", "languages", "size (English)", *told, "metric", "source", "licence")
    return print_table(rows, columns)


def encoders(*, json: Json = False) -> None:
    """List the encoders that have a name; any Hub id or local folder works too, and `TEXT+VISION` for two together."""
    from xstilts.api import catalogue as listing

    rows = [asdict(card) for card in listing.list_encoders()]
    if json:
        return print_json(rows)
    shown = [row | {"pooling": row["pooling"] if row["kind"] == "text" else ""} for row in rows]
    return print_table(shown, ("name", "kind", "languages", "pooling", "licence"))


def doctor(*, hub: bool = False, store: StoreDir = STORE, json: Json = False) -> None:
    """Show what this machine has: versions, processor, memory, disk, cache.

    Parameters
    ----------
    hub
        Ask whether the Hugging Face Hub answers.
    """
    from xstilts.api.doctor import diagnose, installation_error

    findings = diagnose(store, hub=hub)
    rows = [asdict(finding) for finding in findings]
    print_json(rows) if json else print_table(rows)
    if error := installation_error(findings):
        raise error
