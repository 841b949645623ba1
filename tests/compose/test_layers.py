"""The rule that divides a list, whatever the list: exact, bounded, and each layer's bytes nobody else's matter."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.catalog.layers import LayerRule
from workbench.catalog.sizes import PackageSize, Pin
from workbench.compose.layers import list_parts
from workbench.packages import pins

MB = 1_000_000
RULE = LayerRule((300, 100, 25), ("setuptools",))
NAMES = [*"abcdefghijkl"]

sizes = st.one_of(st.none(), st.integers(0, 400), st.sampled_from([24, 25, 99, 100, 299, 300, 301]))
packages = st.dictionaries(st.sampled_from(NAMES), st.tuples(st.sampled_from(["1.0.0", "1.0.1"]), sizes), max_size=10)
rules = st.lists(st.integers(1, 500), unique=True, max_size=6).map(
    lambda each: LayerRule(tuple(sorted(each, reverse=True)))
)
Packages = dict[str, tuple[str, int | None]]


def text_of(chosen: Packages) -> str:
    return "".join(f"{name}=={version} --hash=sha256:{name}\n" for name, (version, _) in chosen.items())


def sizes_of(chosen: Packages) -> dict[Pin, PackageSize]:
    return {
        (name, version): PackageSize(None if size is None else size * MB) for name, (version, size) in chosen.items()
    }


def texts(chosen: Packages, rule: LayerRule = RULE) -> dict[int, str]:
    return {part.megabytes: part.text for part in list_parts(text_of(chosen), sizes_of(chosen), rule)}


@given(packages, rules)
def test_every_large_package_is_in_one_layer_by_its_size_and_no_other_is(chosen: Packages, rule: LayerRule) -> None:
    parts = list_parts(text_of(chosen), sizes_of(chosen), rule)
    assert len(parts) <= len(rule.sizes)
    assert [part.megabytes for part in parts] == sorted((part.megabytes for part in parts), reverse=True)
    found = [pin for part in parts for pin in part.pins]
    least = min(rule.sizes, default=None)
    assert sorted(found) == sorted(
        (name, version)
        for name, (version, size) in chosen.items()
        if least is not None and size is not None and size >= least
    )
    lines = text_of(chosen).splitlines()
    for part in parts:
        above = [size for size in rule.sizes if size > part.megabytes]
        assert all(part.megabytes <= (chosen[name][1] or 0) < min(above, default=10**9) for name, _ in part.pins)
        # With everything that stands in the list.
        assert part.text.splitlines() == sorted(line for line in lines if next(pins(line)) in part.pins)


@given(packages, st.sampled_from(NAMES), st.one_of(st.none(), st.tuples(st.just("2.0.0"), sizes)))
def test_what_comes_goes_or_moves_changes_its_own_layers_alone(
    chosen: Packages, name: str, other: tuple[str, int | None] | None
) -> None:
    def layer(package: tuple[str, int | None] | None) -> int | None:
        return next((size for size in RULE.sizes if package and (package[1] or 0) >= size), None)

    changed = {key: value for key, value in chosen.items() if key != name}
    if other is not None:
        changed[name] = other
    before, after = texts(chosen), texts(changed)
    own = {layer(chosen.get(name)), layer(other)}
    assert {step: text for step, text in before.items() if step not in own} == {
        step: text for step, text in after.items() if step not in own
    }


@given(packages, st.randoms(use_true_random=False))
def test_the_order_in_which_sizes_and_packages_come_does_not_matter(chosen: Packages, random: object) -> None:
    items = list(chosen.items())
    random.shuffle(items)  # type: ignore[attr-defined]
    assert texts(dict(items)) == texts(chosen)
    shuffled = dict(reversed(sizes_of(chosen).items()))
    assert list_parts(text_of(chosen), shuffled, RULE) == list_parts(text_of(chosen), sizes_of(chosen), RULE)


def test_source_has_what_it_is_built_with_beside_it_and_nothing_else_has() -> None:
    text = "numpy==2.0 --hash=a\npyspark==4.0 --hash=b\nsetuptools==84.0 --hash=c\ntorch==2.0 --hash=d\n"
    known = {
        ("pyspark", "4.0"): PackageSize(450 * MB, is_source=True),
        ("torch", "2.0"): PackageSize(120 * MB),
        ("setuptools", "84.0"): PackageSize(1 * MB),
        ("numpy", "2.0"): PackageSize(20 * MB, is_source=True),
    }
    (spark, torch) = list_parts(text, known, RULE)
    assert spark.text == "pyspark==4.0 --hash=b\nsetuptools==84.0 --hash=c\n"
    assert spark.pins == (("pyspark", "4.0"),)
    assert torch.text == "torch==2.0 --hash=d\n"


def test_a_layer_has_the_lines_of_its_own_indexes() -> None:
    text = "one==1 --hash=a\n--extra-index-url ${ROCM_INDEX_URL}\ntwo==1 --hash=b\n"
    text += "--extra-index-url ${OUR_INDEX_URL}\nsix==1 --hash=c\n"
    known = {
        ("one", "1"): PackageSize(400 * MB),
        ("two", "1"): PackageSize(110 * MB),
        ("six", "1"): PackageSize(30 * MB),
    }
    assert [part.text for part in list_parts(text, known, RULE)] == [
        "one==1 --hash=a\n",
        "--extra-index-url ${ROCM_INDEX_URL}\ntwo==1 --hash=b\n",
        "--extra-index-url ${OUR_INDEX_URL}\nsix==1 --hash=c\n",
    ]
    # One that replaces pip's own is every layer's.
    replaced = f"--index-url ${{MIRROR_URL}}\n{text}"
    assert [part.text.splitlines()[0] for part in list_parts(replaced, known, RULE)] == [
        "--index-url ${MIRROR_URL}"
    ] * 3


def test_what_is_installed_already_is_in_no_layer() -> None:
    text = "one==1 --hash=a\ntwo==1 --hash=b\n"
    known = {("one", "1"): PackageSize(400 * MB), ("two", "1"): PackageSize(400 * MB)}
    (part,) = list_parts(text, known, RULE, [("one", "1"), ("two", "2")])
    assert part.pins == (("two", "1"),)
