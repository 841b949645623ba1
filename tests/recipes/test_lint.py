from __future__ import annotations

from workbench.catalog.reader import read_catalogue
from workbench.locations import ROOT
from workbench.recipes.lint import lint


def test_a_heredoc_is_read_and_lines_below_it_keep_their_numbers() -> None:
    text = "FROM a:1\nRUN <<EOF\nset -e\necho x\nEOF\nCOPY <<A <<B /x/\nA\nB\nRUN cd /x\nUSER 1001\n"
    found = lint(read_catalogue(str(ROOT)), text)
    assert [(line, message.partition(":")[0]) for line, message in found] == [(9, "DL3003"), (9, "SC2164")]
