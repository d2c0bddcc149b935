"""SQuAD v2.0: SQuAD with additional unanswerable questions."""

from xstilts.formats.squad import squad_questions
from xstilts.formats.tables import Row
from xstilts.tasks import _squad
from xstilts.tasks.benchmark import Benchmark, Hub, Native, group_by
from xstilts.tasks.task import Task, published_sizes


def _without_id(row: Row) -> Row:
    """The row without its id: AllenNLP's sample of the data set has a duplicate id."""
    return {name: value for name, value in row.items() if name != "id"}


TASK = Task(
    name="squad2",
    problem="span",
    suite=("stilts",),
    languages=("en",),
    benchmark=Benchmark(
        native=(
            Native(read=squad_questions, english={"train": "squad/train-v2.0.json", "dev": "squad/dev-v2.0.json"}),
            Native(read=squad_questions, english={"train": "squad/allennlp_squad2.json"}, fields=_without_id),
        ),
        hub=(
            Hub(
                repository="rajpurkar/squad_v2",
                revision="3ffb306f725f7d2ce8394bc1873b24868140c412",
                config="squad_v2",
                splits={"train": "train", "dev": "validation"},
                fields=_squad.hub_fields,
            ),
        ),
        groups=group_by("title"),
    ),
    metrics=("em_f1", "f1", "exact_match"),
    normaliser="squad2",
    code_version=2,
    licence="CC-BY-SA-4.0",
    citation="Rajpurkar et al. 2018, Know What You Don't Know: Unanswerable Questions for SQuAD",
    url="https://aclanthology.org/P18-2124",
    weaknesses=(
        "English only",
        "the no-answer threshold is zero; it is not tuned on the dev set",
    ),
    sizes=published_sizes("squad2"),
)
