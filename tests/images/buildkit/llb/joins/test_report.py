from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.images.buildkit.llb.joins.program.join import shown
from workbench.images.buildkit.llb.joins.report import JoinConflict, read


@given(st.lists(st.binary(min_size=1, max_size=8).filter(lambda name: b"\0" not in name)))
def test_every_name_is_read_as_it_was(names: list[bytes]) -> None:
    lines = [b"0,1 %s\n" % shown(b"/" + name) for name in names]
    count, found = read(b"%d\n%s" % (len(names), b"".join(lines)))
    assert (count, [one.path.encode(errors="surrogateescape") for one in found]) == (
        len(names),
        [b"/" + name for name in names],
    )


def test_a_conflict_names_the_branches() -> None:
    one = JoinConflict(0, 2, "/etc/a b")
    assert one.sentence(["the bundle", "", "the IDE"]) == (
        "the bundle and the IDE both change '/etc/a b': it is as the IDE made it"
    )
    assert one.sentence() == "branch 1 and branch 3 both change '/etc/a b': it is as branch 3 made it"
