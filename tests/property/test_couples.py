from hypothesis import given
from hypothesis import strategies as st

from xstilts.tasks._pairing import pair_up

MEMBERS = st.sets(st.integers(0, 40), max_size=30)


@given(MEMBERS, st.text(max_size=3), st.integers(1, 5), st.integers(1, 5))
def test_partners_are_each_others_and_allowed(members, salt, wanted, allowed):
    def may(one: int, other: int) -> bool:
        return one % allowed == other % allowed

    found = pair_up(members, salt, lambda one, other: may(one, other) and one % wanted == other % wanted, may)
    assert all(found[other] == one != other and may(one, other) for one, other in found.items())
    alone = sorted(member % allowed for member in members - found.keys())
    assert alone == sorted(set(alone))


@given(MEMBERS, st.text(max_size=3))
def test_the_order_of_the_members_does_not_matter(members, salt):
    def nowhere(one: int, other: int) -> bool:
        return False

    def anywhere(one: int, other: int) -> bool:
        return True

    forth, back = (pair_up(order, salt, nowhere, anywhere) for order in (sorted(members), sorted(members)[::-1]))
    assert forth == back
    assert len(members - forth.keys()) == len(members) % 2
