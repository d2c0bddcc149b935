import pytest

from xstilts.errors import UserError
from xstilts.tasks import load_task, suites, task_names


def test_the_embedded_suite_lists_each_of_its_tasks_once():
    suite = suites.EMBEDDED
    named = (*suite.targets, *suite.retrieval, *suite.intermediates)
    assert sorted(named) == sorted(name for name in task_names() if "embedded" in load_task(name).suite)
    assert all(load_task(name).problem == "retrieval" for name in suite.retrieval)
    assert all(len(load_task(name).languages) > 30 for name in suite.targets)


def test_the_embedded_image_suite_lists_each_of_its_tasks_once():
    suite = suites.EMBEDDED_IMAGES
    named = (*suite.targets, *suite.retrieval, *suite.intermediates)
    assert sorted(named) == sorted(name for name in task_names() if suite.name in load_task(name).suite)
    assert all(load_task(name).problem == "image-retrieval" for name in suite.retrieval)
    assert all(load_task(name).images for name in named)
    assert not set(named) & set(suites.EMBEDDED.tasks)


def test_every_variant_in_a_task_is_known():
    locales = {language for name in task_names() for language in load_task(name).languages}
    assert {locale for locale in locales if "-" in locale} == set(suites.VARIANTS)


def test_a_suite_has_three_means_with_missing_tasks():
    whole, trained, retrieval = suites.suite_means(suites.XTREME, ("xnli", "tydiqa", "tatoeba", "intent"))
    assert whole.name == "XTREME average over 3 of 9 tasks"
    assert trained.name == "XTREME average without retrieval over 2 of 7 tasks"
    assert retrieval.name == "XTREME average, retrieval only, over 1 of 2 tasks"
    assert (whole.tasks, retrieval.missing) == (("xnli", "tydiqa", "tatoeba"), ("bucc2018",))


def test_the_mean_of_a_complete_suite():
    whole, *_ = suites.suite_means(suites.XTREME, suites.XTREME.tasks)
    assert whole.name == "XTREME average over all 9 tasks"
    assert len(suites.XTREME.intermediates) == 9


def test_an_unknown_suite_is_refused():
    assert suites.suite("xtreme") is suites.XTREME
    with pytest.raises(UserError, match="'xtrem'"):
        suites.suite("xtrem")


def test_iglue_is_averaged_without_english():
    assert suites.XTREME.english_in_average and not suites.IGLUE.english_in_average
    assert sorted(suites.IGLUE.tasks) == sorted(name for name in task_names() if "iglue" in load_task(name).suite)
    assert {load_task(name).problem for name in suites.IGLUE.retrieval} == {"image-retrieval"}
    assert all(load_task(name).languages == ("en",) for name in suites.IGLUE.intermediates)
    whole, trained, _ = suites.suite_means(suites.IGLUE, ("xvnli", "marvl", "wit"))
    assert whole.name == "IGLUE average over 3 of 5 tasks"
    assert trained.tasks == ("xvnli", "marvl")
