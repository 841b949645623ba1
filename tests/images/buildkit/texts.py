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


# What steps and the image have of arguments and variables.
_SHOW = "RUN for name in A B C V LANG; do eval echo $name=\\${$name-none}; done >/made\nLABEL l=$A-$B-$C-$V-$LANG\n"
ARGUMENTS = {
    "of a parent stage": f"FROM {{base}} AS one\nARG V=3.11\nFROM one\n{_SHOW}ENV W=$V\n",
    "of a parent's parent": f"FROM {{base}} AS one\nARG V=1\nFROM one AS two\nARG A=$V\nFROM two\n{_SHOW}",
    "of a parent stage, again": f"FROM {{base}} AS one\nARG V=3.11\nFROM one\nARG V\n{_SHOW}ENV W=$V\n",
    "of a parent stage, other": f"FROM {{base}} AS one\nARG V=3.11\nFROM one\nARG V=4\n{_SHOW}ENV W=$V\n",
    "of a parent stage and global": f"ARG V=9\nFROM {{base}} AS one\nARG V=3\nFROM one\nARG V\n{_SHOW}",
    "of a parent stage and a variable": f"FROM {{base}} AS one\nARG V=3\nENV V=4\nARG A=5\nFROM one\nENV A=6\n{_SHOW}",
    "over a variable of a parent": f"FROM {{base}} AS one\nENV A=1\nARG A=2\nENV B=$A\nFROM one\n{_SHOW}",
    "of another stage": f"FROM {{base}} AS one\nARG V=1\nFROM {{base}}\n{_SHOW}",
    "over a variable": f"ENV A=1\nARG A=2\nENV B=$A\n{_SHOW}",
    "under a variable": f"ARG A=2\nENV A=1\nENV B=$A\n{_SHOW}",
    "over a variable, without a value": f"ENV A=1\nARG A\nENV B=$A\n{_SHOW}",
    "over a variable of the image": f"ARG LANG=D\n{_SHOW}",
    "over a variable, and set again": f"ENV A=1\nARG A=2\nENV A=$A-x\n{_SHOW}ENV B=$A\n",
    "one after the other": f"ARG A=1 B=$A C=${{B}}x\n{_SHOW}",
    "variables of one line": f"ENV A=1\nENV A=2 B=$A\n{_SHOW}",
    "global": f"ARG A=1\nARG B=$A\nFROM {{base}}\nARG A\nARG B\nARG C\n{_SHOW}",
    "global, but not here": f"ARG A=1\nFROM {{base}}\n{_SHOW}",
    "global, with a default here": f"ARG A=1\nFROM {{base}}\nARG A=2\n{_SHOW}",
    "given": (f"ARG A=1\nARG B\nENV C=1\nARG C=2\n{_SHOW}", {"A": "g", "B": "$A", "C": "g", "V": "unused"}),
    "given and global": (f"ARG A=1\nFROM {{base}}\nARG A\nARG B=$A\n{_SHOW}", {"A": "g"}),
    "given to a parent": (f"FROM {{base}} AS one\nARG A\nFROM one\n{_SHOW}", {"A": "g"}),
    "platforms": "ARG TARGETPLATFORM BUILDARCH TARGETVARIANT\nRUN echo $TARGETPLATFORM $BUILDARCH >/made\n",
    "platforms that are not named": "RUN echo ${TARGETPLATFORM-none} >/made\nLABEL l=$TARGETARCH\n",
    "the last stage": "ARG TARGETSTAGE\nRUN echo $TARGETSTAGE >/made\n",
    "the last stage in FROM": f"FROM {{base}} AS is-default\nARG A=1\nFROM is-${{TARGETSTAGE}}\n{_SHOW}",
    "as words": "ARG U=1001 D=/w C=5:6\nUSER $U\nWORKDIR $D\nRUN pwd >made; id -u >>made\nCOPY --chown=$C a.txt $D/\n",
    "the search path": "ARG PATH=/x:/bin\nRUN echo $PATH >/made\n",
    "quoted": f"ARG A='a b' B=\"$A c\" C=d\\ e\n{_SHOW}ENV W=$A\n",
    "empty": f"ARG A=\nARG B=\nENV C=\n{_SHOW}LABEL w=${{A-n}}${{A:-e}}${{V-n}}\n",
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
