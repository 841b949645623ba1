"""`wizard.py completion`: completion of verbs, flags and names in bash, zsh and fish."""

from __future__ import annotations

import argparse
import shlex
import sys

from workbench.commands import COMMAND, program, starter
from workbench.errors import EXIT_OK

EXAMPLES = """\
  source <(wizard.py completion bash)      in this shell; in ~/.bashrc: in each
  source <(wizard.py completion zsh)       behind `autoload -U compinit && compinit` in ~/.zshrc
  wizard.py completion fish | source       in ~/.config/fish/config.fish: in each
"""
SHELLS = ("bash", "zsh", "fish")
# The verb behind it, which help does not list: it prints what comes next, as the scripts here read it.
CANDIDATES = "__complete"

_BASH = """\
# Completion of NAME for bash. In ~/.bashrc: source <(COMMAND completion bash)
DEFINED_workbench_images() {
    local kind current="${COMP_WORDS[COMP_CWORD]}"
    local -a words
    [[ $current == [=:] ]] && current=
    mapfile -t words < <(COMMAND __complete bash "$COMP_LINE" "$COMP_POINT" 2>/dev/null)
    kind="${words[0]}"
    COMPREPLY=("${words[@]:1}")
    case "$kind" in
        files) compopt -o filenames; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$current") ;;
        folders) compopt -o filenames; mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$current") ;;
    esac
}
complete -F _workbench_images NAME
"""
_ZSH = """\
# Completion of NAME for zsh. In ~/.zshrc, behind compinit: source <(COMMAND completion zsh)
DEFINED_workbench_images() {
    local kind line
    local -a lines shown
    lines=("${(@f)$(COMMAND __complete zsh "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    kind=$lines[1]
    for line in "${(@)lines[2,-1]}"; do
        shown+=("${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}")
    done
    (( $#shown )) && _describe -V 'NAME' shown
    case $kind in
        files) _files ;;
        folders) _files -/ ;;
    esac
}
compdef _workbench_images NAME
"""
_FISH = """\
# Completion of NAME for fish. In ~/.config/fish/config.fish: COMMAND completion fish | source
DEFINEDfunction __workbench_images
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    test -n "$current"; or set current ''
    set -l lines (COMMAND __complete fish $words[2..-1] $current 2>/dev/null)
    test (count $lines) -gt 1; and printf '%s\\n' $lines[2..-1]
    switch "$lines[1]"
        case files
            __fish_complete_path $current
        case folders
            __fish_complete_directories $current ''
    end
end
complete -c NAME -f -k -a '(__workbench_images)'
"""
_SCRIPTS = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}
# In a checkout the name is no command yet: one that runs what was named here, from any folder.
_FUNCTIONS = {
    "bash": 'NAME() { COMMAND "$@"; }\n',
    "zsh": 'NAME() { COMMAND "$@" }\n',
    "fish": "function NAME\n    COMMAND $argv\nend\n",
}


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add the argument of `completion`."""
    parser.description = (
        "Print a script for a shell that completes verbs, flags, and the names that the catalogue has. In a checkout "
        "it also makes `wizard.py` a command of that shell, which works from any folder."
    )
    parser.add_argument("shell", choices=SHELLS, help="the shell that runs the script")


def run(args: argparse.Namespace) -> int:
    """Print the script."""
    name = program()
    text = _SCRIPTS[args.shell].replace("DEFINED", "" if name == COMMAND else _FUNCTIONS[args.shell])
    print(text.replace("COMMAND", shlex.join(starter())).replace("NAME", name), end="")
    return EXIT_OK


def print_candidates(shell: str, words: list[str]) -> None:
    """Print what may come next, as the script of `shell` reads it: what the shell adds, then a word a line."""
    from workbench.errors import WorkbenchError
    from workbench.verbs._complete import Candidates, candidates

    line = ""
    if shell == "bash":
        line = words[0][: int(words[1])]
        words = _words(line)[1:]
    try:
        found = candidates(words)
    except (WorkbenchError, OSError):
        found = Candidates()
    sys.stdout.write(f"{found.kind}\n")
    # bash breaks words at these signs too, and replaces what stands behind the last one.
    cut = max(words[-1].rfind(sign) for sign in "=:") + 1 if shell == "bash" and words else 0
    for word, about in found.words.items():
        sys.stdout.write(f"{word[cut:]}\n" if shell == "bash" else f"{word}\t{about}\n")


def _words(line: str) -> list[str]:
    """Return the words of a command line that ends anywhere; the last one is empty behind a blank."""
    for closing in ("", '"', "'"):
        try:
            # A sign that is in no word shows whether a new one begins at the end.
            words = shlex.split(f"{line}{closing}\0" if not closing else f"{line}\0{closing}")
        except ValueError:
            continue
        return [*words[:-1], words[-1].removesuffix("\0")]
    return line.split(" ")
