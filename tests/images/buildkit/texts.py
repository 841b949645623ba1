"""Parts of Containerfiles, by what they show; most of them make /made."""

from __future__ import annotations

from collections.abc import Mapping

HEREDOCS = {
    "a command": "RUN <<EOF\nset -e\nX=1\necho $X '$X' \"a b\" \\\n  >/made\nEOF\n",
    "a command with tabs": "RUN <<-EOF\n\techo '\ttabs' >/made\n\tcat <<E >>/made\n\tinner\nE\n\tEOF\n",
    "in quotes": "RUN <<'E F'\necho $PATH >/made\nE F\n",
    "text for a command": "ENV X=x\nRUN cat <<EOF >/made && cat <<\"B\" >>/made\n$X ${X:-y} \\$X 'q'\nEOF\n$X\nB\n",
    "numbered": "RUN cat 3<<EOF <&3 >/made\nthree\nEOF\n",
    "a script": "RUN <<EOF\n#!/bin/sh\necho $0 >/made; ls -l $0 | cut -c1-10 >>/made\nEOF\n",
    "a script with tabs": "RUN <<-run.sh\n#!/bin/sh\n\techo one >/made\nrun.sh\n",
    "another shell": 'SHELL ["/bin/sh", "-euc"]\nRUN <<EOF\necho $- >/made\nEOF\n',
    "as a user": "USER 1001\nWORKDIR /tmp\nRUN <<EOF\npwd >made; id -u >>made\nEOF\n",
    "with a mount": "RUN --mount=type=tmpfs,target=/dev/t <<EOF\necho x >/dev/t/x\ncp /dev/t/x /made\nEOF\n",
    "with text that is none": "RUN echo $((1<<2)) '<<EOF' >/made\n",
    "nothing": "RUN <<EOF\nEOF\n",
    "a file": "COPY <<EOF /made\none\n\ttwo\nEOF\n",
    "a file in a folder": "WORKDIR /w\nCOPY <<EOF ./in/\none\nEOF\n",
    "files": "COPY <<one <<two a.txt d /to/\n1\none\n2\ntwo\n",
    "files of one name": "COPY <<one <<one /to/\n1\none\n2\none\n",
    "expanded": "ARG A=arg\nENV B='e n'\nCOPY <<EOF /made\n$A $ ${C:-d} '$A' \"$B\" \\$A \\\\ \\n $1 a\\\nb\nEOF\n",
    "not expanded": "ENV A=a\nCOPY <<'EOF' /one\n$A \\$A\nEOF\nCOPY <<\"E\" /two\n$A\nE\nCOPY <<\\E /three\n$A\nE\n",
    "modifiers": "ENV A=a.b.c\nCOPY <<EOF /made\n${A%.*} ${A%%.*} ${A#*.} ${A##*.} ${A/./-} ${A//./-} ${A:+y}\nEOF\n",
    "owned": "COPY --chown=5:6 --chmod=0750 <<EOF /made\nx\nEOF\n",
    "owned by a name": "COPY --chown=root <<EOF /made\nx\nEOF\n",
    "added": "ADD <<EOF /made\nx\nEOF\n",
    "tabs of a file": "COPY <<-EOF /made\n\t\tone\n\t two\n\tEOF\n",
    "from a stage": "COPY --from=0 <<EOF /bin/busybox /made/\nx\nEOF\n",
    "over what is there": "RUN mkdir /made\nCOPY <<EOF /made\nx\nEOF\n",
    "a lot": f"RUN <<EOF\necho '{'x y#' * 12000}' >/made\nEOF\n",
}


def all_in_one(base: str, texts: Mapping[str, str]) -> str:
    """Return one Containerfile of them all, each with a /made of its own; its stage 0 is only for copying from."""
    parts = [f"FROM {base} AS zero\nFROM {base}\n"]
    for number, text in enumerate(texts.values()):
        made = text.replace("/made", f"/made{number}").replace("/to/", f"/to{number}/")
        parts.append(made)
        words = {line.split(" ")[0] for line in text.splitlines()}
        parts += [reset for word, reset in _RESETS.items() if word in words]
    return "".join(parts)


_RESETS = {"USER": "USER 0\n", "WORKDIR": "WORKDIR /\n", "SHELL": 'SHELL ["/bin/sh", "-c"]\n'}
