from pathlib import Path

import polars as pl
import pytest

from xstilts.config.files import TaskFiles
from xstilts.data.load import load
from xstilts.data.user_files import user_task
from xstilts.errors import DataError, RowsError
from xstilts.problems import Answer, Choice


def task_files(**settings):
    columns = {"text": "text", "label": "label"}
    return TaskFiles(
        **({"problem": "classification", "files": {"fi": {"test": "data.csv"}}, "columns": columns} | settings)
    )


@pytest.fixture
def read(tmp_path):
    """The examples of one file, written as given."""

    def examples(content: str | bytes, name: str = "data.csv", **block):
        (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
        task = user_task("own", task_files(files={"fi": {"test": name}}, **block), tmp_path)
        return load(task, "fi", "test", cache=tmp_path / "cache", offline=True)

    return examples


def test_a_csv_with_bom_crlf_quotes_and_empty_lines(read):
    examples = read('\ufefftext,label\r\n\r\n"a, ""b""\nc",x\r\n\r\nplain,y\r\n')
    assert [(e.text, e.label) for e in examples] == [('a, "b"\nc', "x"), ("plain", "y")]
    assert [e.id for e in examples] == ["test-1", "test-2"]


def test_a_tsv_keeps_commas_and_a_jsonl_keeps_line_separators(read):
    assert read("text\tlabel\na, b\tx\n", "d.tsv")[0].text == "a, b"
    assert read('{"text": "a\u2028b", "label": 3}\n\n', "d.jsonl")[0].text == "a\u2028b"


def test_parquet(read, tmp_path):
    pl.DataFrame({"t": ["a b"], "g": [["O", "B-x"]]}).write_parquet(tmp_path / "in.parquet")
    content = (tmp_path / "in.parquet").read_bytes()
    examples = read(content, "d.parquet", problem="tagging", columns={"words": "t", "tags": "g"})
    assert (examples[0].words, examples[0].tags) == (("a", "b"), ("O", "B-x"))


@pytest.mark.parametrize(
    ("content", "where", "what"),
    [
        ("text,label\na,x\nb\n", ":3", "1 cell, but the header has 2"),
        ("text,label\na,x\nb,y,z\n", ":3", "3 cells, but the header has 2"),
        ("text,label\n\na,\n", ":3", "the label is missing"),
        ("text,label\na,x\n ,y\n", ":3", "the text is missing"),
        ("text,tag\na,x\n", ":2", "there is no column 'label'"),
        ("text,text\na,x\n", ":1", "twice"),
        ('text,label\na,x\n"b,y\n', ":3", "unexpected end of data"),
        ('text,label\n"a"b,x\n', ":2", "expected after"),
        (b"text,label\na,x\n\xff,y\n", ":3", "not UTF-8"),
        ("", "", "the file is empty"),
    ],
)
def test_errors_in_csv_files_are_located(read, content, where, what):
    with pytest.raises(DataError, match=rf"data\.csv{where}: .*{what}"):
        read(content)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ('{"text": "a", "label": "x"}\n{"text": "b"\n', ":2: not JSON"),
        ('{"text": "a", "label": "x"}\n["b"]\n', ":2: not a JSON object"),
        ('{"text": "a", "label": null}\n', ":1: the label is missing"),
        ('{"text": "a"}\n', ":1: there is no column 'label'"),
    ],
)
def test_errors_in_jsonl_files_are_located(read, content, what):
    with pytest.raises(DataError, match=what):
        read(content, "d.jsonl")


def test_an_invalid_parquet_file_is_named(read):
    with pytest.raises(DataError, match=r"d\.parquet"):
        read(b"PAR1 nothing", "d.parquet")


CHOICE = {"prompt": "q", "choices": "a,b,c", "answer": "right"}


@pytest.mark.parametrize(("right", "index"), [("blue", 1), ("2", 2)])
def test_choices_in_several_columns(read, right, index):
    examples = read(f"q,a,b,c,right\nsky,red,blue,green,{right}\n", problem="choice", columns=CHOICE)
    assert isinstance(examples[0], Choice)
    assert (examples[0].choices, examples[0].answer) == (("red", "blue", "green"), index)


def test_choices_in_a_list(read):
    row = '{"q": "sky", "options": ["red", "blue"], "right": 1}\n'
    examples = read(row, "d.jsonl", problem="choice", columns={"prompt": "q", "choices": "options", "answer": "right"})
    assert (examples[0].choices, examples[0].answer) == (("red", "blue"), 1)


@pytest.mark.parametrize("row", ["sky,red,,green,red", "sky,r,g,b,4"])
def test_invalid_choices_are_located(read, row):
    with pytest.raises(DataError, match=r"data\.csv:2: "):
        read(f"q,a,b,c,right\n{row}\n", problem="choice", columns=CHOICE)


SPAN = {"question": "q", "context": "c", "answer_text": "t", "answer_start": "s"}


def test_spans_have_exact_offsets_or_no_answers(read):
    examples = read("q,c,t,s\nwho?,it was Åsa,Åsa,7\nwhy?,it was Åsa,,\n", problem="span", columns=SPAN)
    assert [e.answers for e in examples] == [(Answer(text="Åsa", start=7),), ()]


@pytest.mark.parametrize("start", ["6", "x", "7.5", "-1", "1e400", "nan"])
def test_an_answer_at_the_wrong_offset_is_located(read, start):
    with pytest.raises(DataError, match=r"data\.csv:2: "):
        read(f"q,c,t,s\nwho?,it was Åsa,Åsa,{start}\n", problem="span", columns=SPAN)


def test_different_numbers_of_words_and_tags_are_located(read):
    with pytest.raises(DataError, match=r"data\.csv:3: "):
        read("w,t\na b,O O\na b,O\n", problem="tagging", columns={"words": "w", "tags": "t"})


def test_a_file_without_a_label_column_is_unlabelled(read):
    assert read("text\na\n", columns={"text": "text"})[0].label is None


def test_equal_texts_share_a_group_and_a_column_overrides_it(read):
    same = read("text,label\nHello  there,x\nhello there,y\nother,y\n")
    assert same[0].group == same[1].group != same[2].group
    named = read("text,label,g\na,x,1\nb,y,1\n", columns={"text": "text", "label": "label", "group": "g"})
    assert [e.group for e in named] == ["1", "1"]


def test_one_file_is_split_by_group_and_equally_in_every_language(tmp_path):
    for language in ("en", "fi"):
        rows = "".join(f"{language} {n},x,{n}\n" for n in range(60))
        (tmp_path / f"{language}.csv").write_text(f"text,label,g\n{rows}")
    columns = {"text": "text", "label": "label", "group": "g"}
    task = user_task("own", task_files(files={"en": "en.csv", "fi": {"all": "fi.csv"}}, columns=columns), tmp_path)
    groups = {
        (lang, split): {e.group for e in load(task, lang, split, cache=tmp_path / "cache", offline=True)}
        for lang in ("en", "fi")
        for split in ("train", "dev", "test")
    }
    for split in ("train", "dev", "test"):
        assert groups["en", split] == groups["fi", split]
    assert sum(len(examples) for (lang, _), examples in groups.items() if lang == "en") == 60


def test_fingerprint_depends_on_content_and_columns(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("text,label,other\na,x,y\n")
    before = user_task("own", task_files(), tmp_path).fingerprint("fi")
    assert (
        user_task("own", task_files(columns={"text": "text", "label": "other"}), tmp_path).fingerprint("fi") != before
    )
    assert user_task("own", task_files(files={"fi": {"train": "data.csv"}}), tmp_path).fingerprint("fi") != before
    assert user_task("own", task_files(files={"fi": {"test": str(path)}}), Path("/")).fingerprint("fi") == before
    path.write_text("text,label,other\na,x,z\n")
    assert user_task("own", task_files(), tmp_path).fingerprint("fi") != before


@pytest.mark.parametrize(
    ("block", "what"),
    [
        (task_files(files={"fi": "nowhere.csv"}), "nowhere.csv"),
        (task_files(files={"fi": "data.pdf"}), "data.pdf"),
        (task_files(files={}), "'own'"),
        (task_files(columns={"label": "label"}), "needs `columns: text`"),
        (task_files(columns={"text": "text", "lable": "label"}), "has no column 'lable'"),
    ],
)
def test_invalid_settings_are_rejected_before_files_are_read(block, what, tmp_path):
    (tmp_path / "data.pdf").write_text("")
    (tmp_path / "data.csv").write_text("")
    with pytest.raises(DataError, match=what):
        user_task("own", block, tmp_path)


def test_mining_sentences_are_grouped_with_their_translations(read):
    columns = {name: name for name in ("id", "text", "english", "partners")}
    content = "id,text,english,partners\nd1,das Haus,false,e1\nd2,der Wald,0,\ne1,the house,True,d1\n"
    examples = read(content, problem="mining", columns=columns)
    assert [(e.english, e.partners, e.group) for e in examples] == [
        (False, ("e1",), "e1"),
        (False, (), "d2"),
        (True, ("d1",), "e1"),
    ]
    with pytest.raises(DataError, match=r"data\.csv:2: .*'maybe'"):
        read("id,text,english,partners\nd1,das Haus,maybe,e1\n", problem="mining", columns=columns)


def test_few_shot_sets_and_translations_repeat_ids_of_other_splits(tmp_path):
    files = {split: f"{split}.csv" for split in ("train", "test", "shots-2", "shots-1x1", "test-mt")}
    for split, ids in {"train": "abc", "test": "xy", "shots-2": "ca", "shots-1x1": "b", "test-mt": "xy"}.items():
        rows = [f"{split} {name},{name},{name if split != 'train' else 'g'}" for name in ids]
        (tmp_path / files[split]).write_text("\n".join(["text,id,group", *rows]))
    columns = {"text": "text", "id": "id", "group": "group"}
    task = user_task("own", task_files(files={"fi": files, "en": {"test": "test.csv"}}, columns=columns), tmp_path)
    assert task.fixed_shot_sizes == {"fi": ("2", "1x1"), "en": ()}

    def ids(split: str, **block) -> list[str]:
        task = user_task("own", task_files(files={"fi": files}, **({"columns": columns} | block)), tmp_path)
        return [example.id for example in load(task, "fi", split, cache=tmp_path / "cache", offline=True)]

    assert (ids("shots-2"), ids("test-mt")) == (["c", "a"], ["x", "y"])
    assert ids("test-mt", columns={"text": "text"}) == ids("test", columns={"text": "text"}) == ["test-1", "test-2"]


def test_ids_are_unique_in_a_file_and_may_begin_anew_in_the_next(tmp_path):
    for split in ("train", "dev", "test"):
        (tmp_path / f"{split}.csv").write_text(f"text,id\n{split},0\n")
    files = {split: f"{split}.csv" for split in ("train", "dev", "test")}
    columns = {"text": "text", "id": "id"}
    task = user_task("own", task_files(files={"fi": files}, columns=columns), tmp_path)
    assert [e.id for e in load(task, "fi", "test", cache=tmp_path / "cache", offline=True)] == ["0"]
    (tmp_path / "test.csv").write_text("text,id\na,0\nb,1\nc,0\n")
    task = user_task("own", task_files(files={"fi": files}, columns=columns), tmp_path)
    with pytest.raises(RowsError) as error:
        load(task, "fi", "test", cache=tmp_path / "cache", offline=True)
    assert len(error.value.errors) == 1
