"""The command fit."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from xstilts.cli.options import Device, Json, Offline, print_json
from xstilts.fitting.settings import BUDGET


def fit(
    *,
    language: Annotated[str, Parameter(help="The language that the model is for: sw, swh_Latn or Swahili.")],
    out: Annotated[Path, Parameter(help="The folder of the model; new or empty.")],
    train: Annotated[str | None, Parameter(help="Labelled English rows: a file, or hub:owner/name.")] = None,
    shots: Annotated[str | None, Parameter(help="Labelled rows in the language; a few are enough.")] = None,
    test: Annotated[str | None, Parameter(help="Labelled rows in the language, scored once at the end.")] = None,
    unlabelled: Annotated[str | None, Parameter(help="Texts in the language; .txt has one per line.")] = None,
    text: Annotated[str | None, Parameter(help="The column of the texts. [default: found]")] = None,
    pair: Annotated[str | None, Parameter(help="The column of the second texts, for pairs.")] = None,
    label: Annotated[str | None, Parameter(help="The column of the labels. [default: found]")] = None,
    group: Annotated[
        str | None, Parameter(help="A column of groups: rows of one are never on both sides of a split.")
    ] = None,
    problem: Annotated[str | None, Parameter(help="classification or multi-label. [default: found]")] = None,
    source_language: Annotated[str, Parameter(help="The language of --train.")] = "en",
    drop_english_only: Annotated[bool, Parameter(help="Leave out classes that only --train has.")] = False,
    subwords: Annotated[
        bool, Parameter(help="Let the model read the sub-words of your rows; its folder then holds them.")
    ] = True,
    prior: Annotated[str, Parameter(help="True shares of the classes: sport=0.2,health=0.8.")] = "",
    precision: Annotated[float, Parameter(help="The precision that the threshold for abstention is for.")] = 0.9,
    encoder: Annotated[str, Parameter(help="A known name, a folder or a Hub id.")] = "e5-small",
    budget: Annotated[str, Parameter(help="Most time to spend, such as 90s, 5m or 1h.")] = BUDGET,
    seed: Annotated[int, Parameter(help="Seed of fine-tuning.")] = 0,
    device: Device = "cpu",
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Fit a model to English rows and a few rows in your language, and write it to a folder.

    Prints what the files hold, every arm that is tried, and the score to expect with its interval. The folder has the
    model, a report and a model card.
    """
    from xstilts.api.fit import fit as fit_api
    from xstilts.cli.fit_progress import FitProgress
    from xstilts.fitting.folder_checks import require_new, require_writable
    from xstilts.fitting.settings import parse_prior

    require_new(out)
    require_writable(out)
    with FitProgress() as progress:
        model = fit_api(
            train=train,
            shots=shots,
            test=test,
            unlabelled=unlabelled,
            language=language,
            text=text,
            pair=pair,
            label=label,
            group=group,
            problem=problem,
            source_language=source_language,
            drop_english_only=drop_english_only,
            subwords=subwords,
            prior=parse_prior(prior),
            precision=precision,
            encoder=encoder,
            budget=budget,
            seed=seed,
            device=device,
            offline=offline,
            command=shlex.join(["xstilts", *sys.argv[1:]]),
            say=progress.say,
            report=progress.report,
        )
    model.save(out)
    if json:
        return print_json(model.report.model_dump(mode="json"))
    from xstilts.fitting.summary import summary_lines

    for line in summary_lines(model.report):
        print(line)
    print(f"model: {out}")
    print(f"report: {out / 'report.html'}")
    return None
