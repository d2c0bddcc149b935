from xstilts.plurals import plural


def test_counts_agree_with_their_nouns() -> None:
    assert (plural(1, "seed"), plural(0, "seed"), plural(1200, "item")) == ("1 seed", "0 seeds", "1,200 items")
    assert (plural(1, "miss", "misses"), plural(2, "miss", "misses")) == ("1 miss", "2 misses")
