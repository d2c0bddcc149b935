from xstilts.errors import did_you_mean


def test_the_closest_name_is_suggested() -> None:
    assert did_you_mean("intnet", ["slots", "intent"]) == "did you mean 'intent'?"


def test_all_names_are_listed_where_none_is_close() -> None:
    assert did_you_mean("zzz", ["slots", "intent"]) == "known: slots, intent"
    assert did_you_mean("zzz", []) == "known: none"
