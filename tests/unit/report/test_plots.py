from xml.etree import ElementTree

from xstilts.report import plots

_SVG = "{http://www.w3.org/2000/svg}"


def _curve(series: str, shots: int, value: float) -> dict[str, object]:
    label = f"{series} & <b> at {shots}: {value}"
    return {"series": series, "shots": shots, "value": value, "low": value - 3, "high": value + 3, "label": label}


def _titles(svg: str) -> list[str]:
    return [str(title.text) for title in ElementTree.fromstring(svg).iter(f"{_SVG}title")]


def _texts(svg: str) -> list[str]:
    return ["".join(text.itertext()) for text in ElementTree.fromstring(svg).iter(f"{_SVG}text")]


def test_every_point_of_a_curve_has_a_tooltip() -> None:
    panel = [_curve(series, shots, 50.0) for series in ("none", "boolq") for shots in (0, 4)]
    (svg,) = plots.shot_curves([panel], ["none", "boolq"], [0, 4])
    assert {str(row["label"]) for row in panel} <= set(_titles(svg))


def test_panels_share_their_axes() -> None:
    low, high = [_curve("none", 0, 10.0)], [_curve("none", 0, 90.0)]
    first, second = plots.shot_curves([low, high], ["none"], [0])
    assert _texts(first) == _texts(second)


def test_a_missing_cell_of_the_heat_map_has_text_and_no_mark() -> None:
    present = {"language": "German", "arm": "a", "value": 3.0, "text": "+3.0", "label": "present"}
    missing = {"language": "Finnish", "arm": "a", "value": None, "text": "missing", "label": "missing"}
    svg = plots.heat_map([present, missing], ["a"], ["German", "Finnish"])
    assert {"+3.0", "missing", "German", "Finnish"} <= set(_texts(svg))
    assert [title for title in _titles(svg) if title in ("present", "missing")] == ["present"]


def test_the_colours_of_differences_are_centred_on_zero() -> None:
    def fill(value: float, other: float) -> str | None:
        rows = [
            {"language": name, "arm": "a", "value": v, "text": "", "label": name}
            for name, v in (("x", value), ("y", other))
        ]
        svg = plots.heat_map(rows, ["a"], ["x", "y"])
        marks = (mark for mark in ElementTree.fromstring(svg).iter(f"{_SVG}path") if mark.get("aria-label") == "x")
        return next(marks).get("fill")

    assert fill(0.0, 5.0) == fill(0.0, -20.0)
    assert fill(5.0, -5.0) != fill(-5.0, 5.0)


def test_languages_and_the_mean_are_named_at_the_end_of_their_lines() -> None:
    rows = [
        {"name": name, "shots": shots, "value": 50.0 + shots, "mean": name == "mean", "label": name, "label_at": 50.0}
        for name in ("de", "mean")
        for shots in (0, 4)
    ]
    (svg,) = plots.language_lines([rows], [0, 4])
    assert _texts(svg).count("de") == _texts(svg).count("mean") == 1


def test_the_forest_names_every_contrast() -> None:
    names = ["both together", "a → 4-shot against b → 4-shot"]
    rows = [{"name": name, "value": 1.0, "low": -1.0, "high": 3.0, "label": f"{name}: +1.0"} for name in names]
    svg = plots.forest(rows, names)
    assert [title for title in _titles(svg) if title.endswith("+1.0")] == [str(row["label"]) for row in rows]


def test_the_chosen_layer_is_drawn_larger() -> None:
    rows = [{"layer": number, "value": 10.0 * number, "label": f"layer {number}"} for number in range(4)]
    svg = plots.layer_curve(rows, 2)
    marks = {
        m.get("aria-label"): m.get("fill") for m in ElementTree.fromstring(svg).iter(f"{_SVG}path") if m.get("fill")
    }
    assert marks["layer 2"] != marks["layer 1"] == marks["layer 3"]
