"""SQuAD v1.1: the span of a passage of Wikipedia that answers a question."""

from xstilts.formats.squad import squad_questions
from xstilts.tasks import _squad
from xstilts.tasks.benchmark import Benchmark, Native, group_by
from xstilts.tasks.task import Task, published_sizes

TASK = Task(
    name="squad",
    problem="span",
    suite=("stilts",),
    languages=("en",),
    benchmark=Benchmark(
        native=(
            _squad.NATIVE,
            Native(read=squad_questions, english={"train": "squad/allennlp_squad.json"}, fields=_squad.answered),
        ),
        hub=(_squad.HUB,),
        groups=group_by("title"),
    ),
    metrics=("em_f1", "f1", "exact_match"),
    licence="CC-BY-SA-4.0",
    citation="Rajpurkar et al. 2016, SQuAD: 100,000+ Questions for Machine Comprehension of Text",
    url="https://aclanthology.org/D16-1264",
    weaknesses=("English only", "XQuAD's passages come from its dev set"),
    sizes=published_sizes("squad"),
)
