"""Small labelled rows in English and Swahili for tests of `fit`."""

from typing import Any

ENGLISH = {
    "sport": ["the team won the match", "she scored two goals", "the runner set a record", "a draw in the final game"],
    "health": [
        "doctors warn of a virus",
        "the hospital opened a ward",
        "a vaccine was approved",
        "nurses treat patients",
    ],
}
SWAHILI = {
    "sport": ["timu ilishinda mechi", "mchezaji alifunga mabao", "mkimbiaji aliweka rekodi", "mchezo wa fainali"],
    "health": ["madaktari waonya kuhusu virusi", "hospitali ilifungua wodi", "chanjo imeidhinishwa", "wauguzi watibu"],
}


def labelled(texts: dict[str, list[str]], times: int = 1, label: str = "label") -> list[dict[str, Any]]:
    """One row per text, in turn of the classes; with `times`, each text with so many endings."""
    return [
        {"text": f"{text} {number}" if number else text, label: name}
        for number in range(times)
        for name, members in texts.items()
        for text in members
    ]
