import pytest

from xstilts.data.benchmark_files import bind
from xstilts.data.load import load
from xstilts.tasks import load_task
from xstilts.tasks.sib200 import article_groups

FILES = {
    "lowres/sib200/eng_Latn/train.tsv": 'index_id\tcategory\ttext\n7\tsports\tWe won.\n8\tsports\t"He said ""go""."\n',
    "lowres/sib200/eng_Latn/test.tsv": "index_id\tcategory\ttext\n9\tsports\tThey lost.\n10\thealth\tSleep well.\n",
    "lowres/sib200/swh_Latn/test.tsv": "index_id\tcategory\ttext\n10\thealth\tLala salama.\n9\tsports\tWalishindwa.\n",
    "nusax/english/train.csv": 'id,text,label\n4,"Good food, cheap",positive\n5,So so,neutral\n',
    "nusax/english/valid.csv": "id,text,label\n6,Bad,negative\n",
    "nusax/javanese/train.csv": 'id,text,label\n4,"Panganane enak,\nmurah",positive\n5,Lumayan,neutral\n',
    "afrisenti/swa/test.tsv": 'tweet\tlabel\n"Alisema ""sawa"" leo"\tneutral\nVibaya sana\tnegative\n',
    "afrisenti/orm/dev.tsv": "ID\ttweet\tlabel\nor_1\tGaarii dha\tpositive\n",
    "masakhapos/wol/test.txt": "Xale NOUN\nyi DET\n. PUNCT\n\nDem VERB\n\n",
    "udpos/en_x-ud-train.conllu": "1\tDogs\t_\tNOUN\t_\t_\t2\t_\t_\t_\n2\tbark\t_\tVERB\t_\t_\t0\t_\t_\t_\n\n",
}  # fmt: skip


@pytest.fixture
def read(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / "root" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")

    def examples(name: str, language: str, split: str):
        task = bind(load_task(name), root=tmp_path / "root", cache=tmp_path / "cache", offline=True)
        return load(task, language, split, cache=tmp_path / "cache", offline=True)

    return examples


def test_sib200_has_quoted_cells_and_a_group_for_each_article_in_all_languages(read):
    train, test, swahili = (
        read("sib200", "en", "train"),
        read("sib200", "en", "test"),
        read("sib200", "swh_Latn", "test"),
    )
    assert [(e.text, e.label, e.group) for e in train] == [
        ("We won.", "sports", "7"),
        ('He said "go".', "sports", "7"),
    ]
    assert {e.text: e.group for e in test} == {"They lost.": "7", "Sleep well.": "10"}
    assert {e.text: e.group for e in swahili} == {"Walishindwa.": "7", "Lala salama.": "10"}


def test_a_run_ends_at_another_label_and_at_a_missing_id():
    labels = {"1": "a", "2": "a", "3": "b", "4": "a", "6": "a", "5": "b"}
    rows = [{"id": name, "label": label} for name, label in labels.items()]
    assert list(article_groups(rows)) == ["1", "1", "3", "4", "6", "5"]


def test_nusax_shares_groups_by_position(read):
    english, javanese = read("nusax", "en", "train"), read("nusax", "jv", "train")
    assert [(e.text, e.label) for e in javanese] == [("Panganane enak,\nmurah", "positive"), ("Lumayan", "neutral")]
    assert [e.group for e in javanese] == [e.group for e in english] and len({e.group for e in english}) == 2


def test_afrisenti_takes_its_english_from_nusax(read):
    assert [(e.text, e.label) for e in read("afrisenti", "en", "dev")] == [("Bad", "negative")]
    assert [e.text for e in read("afrisenti", "sw", "test")] == ['Alisema "sawa" leo', "Vibaya sana"]
    assert [(e.text, e.label) for e in read("afrisenti", "om", "dev")] == [("Gaarii dha", "positive")]


def test_masakhapos_takes_its_english_from_universal_dependencies(read):
    assert [(e.words, e.tags) for e in read("masakhapos", "en", "train")] == [(("Dogs", "bark"), ("NOUN", "VERB"))]
    assert [e.words for e in read("masakhapos", "wo", "test")] == [("Xale", "yi", "."), ("Dem",)]


@pytest.mark.parametrize(
    ("name", "language", "row", "example"),
    [
        ("nusax", "jv", {"text": "a", "label": 2}, {"text": "a", "label": "positive"}),
        ("afrisenti", "sw", {"tweet": "a", "label": 2}, {"text": "a", "label": "negative"}),
        ("afrisenti", "en", {"text": "a", "label": 0}, {"text": "a", "label": "negative"}),
        (
            "sib200",
            "swh_Latn",
            {"index_id": 3, "category": "travel", "text": "a"},
            {"id": "3", "text": "a", "label": "travel"},
        ),
    ],
)
def test_fields_of_the_hub_copies(name, language, row, example):
    benchmark = load_task(name).benchmark
    assert benchmark is not None
    hub = next(hub for hub in benchmark.hub if hub.languages is None or language in hub.languages)
    assert hub.fields(row) == example


def test_every_published_size_is_a_positive_count():
    tasks = [load_task(name) for name in ("sib200", "nusax", "afrisenti", "masakhapos")]
    assert [len(task.languages) for task in tasks] == [205, 12, 15, 21]
    assert all(set(task.sizes) == set(task.languages) for task in tasks)
    assert all(count > 0 for task in tasks for counts in task.sizes.values() for count in counts.values())
