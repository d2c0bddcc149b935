import subprocess
import sys

import pytest

from xstilts.cache.sources import Library, Wheel
from xstilts.errors import UserError
from xstilts.tasks import load_task, task_names


def test_every_task_file_defines_the_task_of_its_name():
    assert {load_task(name).name for name in task_names()} == set(task_names())


def test_names_are_listed_without_importing_a_task():
    code = (
        "import sys; from xstilts.tasks import task_names; assert 'intent' in task_names(); "
        "print([m for m in sys.modules if m in ('torch', 'hassil', 'babel', 'xstilts.tasks.intent')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_misspelt_task_gets_a_suggestion():
    with pytest.raises(UserError, match="'paraphrase'"):
        load_task("paraphrases")


@pytest.mark.parametrize("name", task_names())
def test_every_task_has_its_metadata(name):
    task = load_task(name)
    assert task.licence and task.citation and task.url.startswith("https://") and task.weaknesses
    assert len(set(task.languages)) == len(task.languages)
    assert set(task.sizes) == set(task.languages) if task.wheels else set(task.sizes) <= set(task.languages)
    assert bool(task.sources) != bool(task.benchmark)
    assert all(len(wheel.sha256) == 64 for wheel in task.wheels)


def test_a_fingerprint_depends_on_everything_that_determines_the_examples():
    from dataclasses import replace

    task = load_task("boolq")
    wheel = task.wheels[0]
    others = [
        replace(task, code_version=2),
        replace(task, fractions={"train": 0.5, "dev": 0.5}),
        replace(task, split_family="other"),
        replace(task, sources=(replace(wheel, sha256="0" * 64),)),
        replace(task, sources=(Library(package="babel", version="1"),)),
    ]
    assert len({task.fingerprint("en"), *(other.fingerprint("en") for other in others)}) == 6
    assert replace(task, licence="another").fingerprint("en") == task.fingerprint("en")


def test_a_library_carries_its_installed_version():
    from importlib.metadata import version

    assert Library.installed("babel").uri == f"library:babel=={version('babel')}"
    assert Wheel(package="a", version="1", sha256="", size_mb=1).uri == "pypi:a==1"
