"""Reports of fits, written by hand: realistic, and hostile."""

from tests.unit.fitting.parts import arms, calibration, class_score, estimate, held_out

from xstilts.fitting.report import DataCounts, FitReport, Forecast, Neighbour, NextStep

COMMAND = (
    "xstilts fit --train english.csv --shots swahili.csv --text headline --label category --language sw --out model"
)


def swahili() -> FitReport:
    """Three classes, and every part of a report."""
    neighbours = (
        Neighbour(text="Waziri alijiuzulu baada ya kura", label="politics", language="sw", similarity=0.931),
        Neighbour(text="Parliament passed the new law", label="politics", language="en", similarity=0.902),
        Neighbour(text="The minister resigned after the vote", label="politics", language="en", similarity=0.897),
    )
    return FitReport(
        title="swahili news",
        problem="classification",
        language="sw",
        language_name="Swahili",
        metric="macro_f1",
        metric_name="macro F1",
        encoder="e5-small",
        encoder_licence="MIT",
        command=COMMAND,
        version="0.1.0",
        made="2026-03-02 14:05 UTC",
        seconds=1312.4,
        labels=("health", "politics", "sport"),
        understood=(
            "`english.csv`: 900 rows, text in column `headline`, label in column `category`.",
            "`swahili.csv`: 140 rows with the same columns and the same 3 classes.",
        ),
        left_out=(
            "2 rows of `swahili.csv` have no label: lines 17 and 93.",
            "5 rows of `english.csv` repeat the text and the label of an earlier row.",
        ),
        warnings=("`health` has 21 Swahili rows; its scores are uncertain.",),
        data=(
            DataCounts(
                language="en", role="english", rows=900, by_label={"health": 300, "politics": 310, "sport": 290}
            ),
            DataCounts(language="sw", role="shots", rows=140, by_label={"health": 21, "politics": 64, "sport": 55}),
            DataCounts(language="sw", role="test", rows=60, by_label={"health": 12, "politics": 26, "sport": 22}),
            DataCounts(language="sw", role="unlabelled", rows=4210, by_label={}),
        ),
        estimate=estimate(0.72),
        estimate_note="For texts whose classes occur as often as in `swahili.csv`.",
        rows_to_halve=560,
        test=estimate(0.703, 0.09),
        trivial=estimate(0.171, 0.02),
        arms=arms(),
        classes=(
            class_score("health", 21, 300, 0.583),
            class_score("politics", 64, 310, 0.741),
            class_score("sport", 55, 290, 0.836),
        ),
        confusion={
            "health": {"health": 12, "politics": 7, "sport": 2},
            "politics": {"health": 4, "politics": 50, "sport": 10},
            "sport": {"health": 1, "politics": 8, "sport": 46},
        },
        wrong=(
            held_out("swahili.csv:41", "Wizara ya afya yapata waziri mpya", "health", "politics", neighbours),
            held_out("swahili.csv:88", "Rais ahudhuria fainali ya kombe la taifa", "politics", "sport", neighbours[:1]),
        ),
        suspicious=(
            held_out("swahili.csv:102", "Bunge lapitisha bajeti ya mwaka", "sport", "politics", neighbours[:2]),
        ),
        calibration=calibration(),
        curve=(
            Forecast(rows=20, score=0.55, low=0.44, high=0.65, measured=True),
            Forecast(rows=40, score=0.63, low=0.54, high=0.7, measured=True),
            Forecast(rows=80, score=0.69, low=0.62, high=0.75, measured=True),
            Forecast(rows=140, score=0.72, low=0.66, high=0.78, measured=True),
            Forecast(rows=280, score=0.76, low=0.69, high=0.82, measured=False),
            Forecast(rows=560, score=0.79, low=0.7, high=0.87, measured=False),
        ),
        next_steps=(
            NextStep(text="Label about 40 more Swahili rows of `health`: it has the lowest score and the fewest rows."),
            NextStep(
                text="Let the model select the texts that are most useful to label:",
                command="xstilts label model unlabelled.csv --count 40 --output to-label.csv",
            ),
            NextStep(text="Check 1 label that contradicts the other rows."),
        ),
        long_texts="12 texts are longer than 256 sub-words and were read in several windows; none was cut off.",
    )


def intents() -> FitReport:
    """Sixty classes with few rows each."""
    names = [f"{verb}_{noun}" for verb in _VERBS for noun in _NOUNS]
    rows = [2 + (7 * number) % 9 for number in range(60)]
    confusion = {name: {name: max(1, count - 2)} for name, count in zip(names, rows, strict=True)}
    for number, (name, count) in enumerate(zip(names, rows, strict=True)):
        if count > 2:
            confusion[name][names[(number + 10) % 60]] = min(2, count - 1)
    scores = [0.35 + 0.6 * ((13 * number) % 60) / 60 for number in range(60)]
    return swahili().model_copy(
        update={
            "title": "intents",
            "metric": "accuracy",
            "metric_name": "accuracy",
            "labels": tuple(names),
            "data": (
                DataCounts(language="en", role="english", rows=6000, by_label=dict.fromkeys(names, 100)),
                DataCounts(language="sw", role="shots", rows=sum(rows), by_label=dict(zip(names, rows, strict=True))),
            ),
            "classes": tuple(class_score(n, r, 100, s) for n, r, s in zip(names, rows, scores, strict=True)),
            "confusion": confusion,
            "estimate": estimate(0.664, 0.017),
            "test": None,
            "wrong": tuple(
                held_out(f"swahili.csv:{n}", f"washa taa ya chumba {n}", names[n], names[(n + 10) % 60])
                for n in range(30)
            ),
            "curve": (),
        }
    )


_VERBS = ("set", "remove", "query", "play", "start", "report_a_problem_with")
_NOUNS = ("alarm", "light", "music", "weather", "calendar", "mail", "recipe", "taxi", "news", "volume")


def multi_label() -> FitReport:
    """Labels that occur together: no confusion matrix, no nearest rows, no threshold that is precise enough."""
    return swahili().model_copy(
        update={
            "title": "topics",
            "problem": "multi-label",
            "metric": "micro_f1",
            "metric_name": "micro F1",
            "confusion": {},
            "calibration": calibration(least=None),
            "wrong": (held_out("swahili.csv:41", "Wizara ya afya yapata waziri mpya", "health, politics", "politics"),),
            "suspicious": (),
            "left_out": (),
            "warnings": (),
            "test": None,
        }
    )


def no_estimate() -> FitReport:
    """Too few rows for cross-validation."""
    return swahili().model_copy(
        update={
            "estimate": None,
            "no_estimate": "`swahili.csv` has 2 labelled rows of `health`; cross-validation needs 5 of every class.",
            "estimate_note": "",
            "rows_to_halve": None,
            "test": None,
            "trivial": None,
            "arms": tuple(arm.model_copy(update={"estimate": None, "difference": None}) for arm in arms()),
            "classes": (),
            "confusion": {},
            "wrong": (),
            "suspicious": (),
            "calibration": None,
            "curve": (),
            "next_steps": (NextStep(text="Label at least 3 more Swahili rows of `health`, then fit again."),),
        }
    )


def arabic() -> FitReport:
    """Texts, labels and file names from right to left, and a model that may be no better than the baseline."""
    labels = ("صحة", "سياسة", "رياضة")
    near = (Neighbour(text="استقال الوزير بعد التصويت", label="سياسة", language="ar", similarity=0.92),)
    return swahili().model_copy(
        update={
            "title": "أخبار عربية",
            "language": "ar",
            "language_name": "Arabic",
            "labels": labels,
            "data": tuple(
                counts.model_copy(
                    update={
                        "language": counts.language.replace("sw", "ar"),
                        "by_label": dict(zip(labels, counts.by_label.values(), strict=False)),
                    }
                )
                for counts in swahili().data
            ),
            "classes": tuple(
                score.model_copy(update={"label": label})
                for score, label in zip(swahili().classes, labels, strict=True)
            ),
            "confusion": {
                label: dict(zip(labels, row.values(), strict=True))
                for label, row in zip(labels, swahili().confusion.values(), strict=True)
            },
            "wrong": (held_out("أخبار.csv:12", "وزارة الصحة تعلن عن وزير جديد (COVID-19)", "صحة", "سياسة", near),),
            "suspicious": (held_out("أخبار.csv:31", "أقر البرلمان ميزانية العام", "رياضة", "سياسة", near),),
            "trivial": estimate(0.67, 0.05),
            "understood": ("`أخبار.csv`: 140 rows, text in column `عنوان`.",),
        }
    )


def hindi() -> FitReport:
    """Pairs of texts in Devanagari, one of them long."""
    long_text = "मंत्री ने मतदान के बाद इस्तीफा दे दिया और नई सरकार का गठन हुआ। " * 40
    return swahili().model_copy(
        update={
            "title": "हिन्दी जोड़े",
            "problem": "pairs",
            "language": "hi",
            "language_name": "Hindi",
            "wrong": (held_out("जोड़े.csv:9", long_text, "entailment", "neutral"),),
            "suspicious": (),
        }
    )


HOSTILE = "<script>alert('x')</script><img src=http://example.org/x.png onerror=alert(1)>\"' & {{ 7*7 }} | ` \x1b[31m"


def hostile() -> FitReport:
    """Every text of the user's is markup, control characters or very long."""
    other = f"{'y' * 200} </style></svg>"
    near = (Neighbour(text=HOSTILE, label=HOSTILE, language=HOSTILE, similarity=0.5),)
    row = held_out(HOSTILE, f"{HOSTILE}\n{'w' * 5000}", HOSTILE, other, near)
    return swahili().model_copy(
        update={
            "title": HOSTILE,
            "language_name": HOSTILE,
            "encoder": HOSTILE,
            "encoder_licence": f"a\nb {HOSTILE}",
            "command": f"xstilts fit --text '{HOSTILE}' ```",
            "labels": (HOSTILE, other),
            "understood": (HOSTILE,),
            "left_out": (HOSTILE,),
            "warnings": (HOSTILE,),
            "data": (DataCounts(language="sw", role="shots", rows=9, by_label={HOSTILE: 4, other: 5}),),
            "estimate_note": HOSTILE,
            "arms": tuple(arm.model_copy(update={"name": HOSTILE, "description": HOSTILE}) for arm in arms()),
            "classes": (class_score(HOSTILE, 4, 0, 0.0), class_score(other, 0, 0, 1.0)),
            "confusion": {HOSTILE: {other: 4}, other: {HOSTILE: 1, other: 4}},
            "wrong": (row,),
            "suspicious": (row,),
            "next_steps": (NextStep(text=HOSTILE, command=HOSTILE),),
            "long_texts": HOSTILE,
        }
    )


ALL = (swahili, intents, multi_label, no_estimate, arabic, hindi, hostile)
