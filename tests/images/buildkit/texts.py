# ruff: noqa: E501, a text is easier to read in one line
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
    "for a machine that is not this one": f"FROM --platform=linux/s390x docker.io/library/nowhere AS for-s390x\nRUN x\nFROM {{base}} AS for-amd64\nARG A=1\nFROM for-${{TARGETARCH}}\n{_SHOW}",
    "as words": "ARG U=1001 D=/w C=5:6\nUSER $U\nWORKDIR $D\nRUN pwd >made; id -u >>made\nCOPY --chown=$C a.txt $D/\n",
    "the search path": "ARG PATH=/x:/bin\nRUN echo $PATH >/made\n",
    "quoted": f"ARG A='a b' B=\"$A c\" C=d\\ e\n{_SHOW}ENV W=$A\n",
    "empty": f"ARG A=\nARG B=\nENV C=\n{_SHOW}LABEL w=${{A-n}}${{A:-e}}${{V-n}}\n",
}


FILES = {
    "octal": "COPY --chmod=0640 d/a /c/\nCOPY --chmod=751 d /e\nADD --chmod=600 a.txt /g/\n",
    "bits of another user": "COPY --chmod=4755 a.txt /f4\nCOPY --chmod=2755 d /f2\n",
    "octal of what is there": "RUN mkdir -m 700 /o\nCOPY --chmod=0640 d/a /o/\nCOPY --chmod=640 d /o\n",
    "symbolic": "COPY --chmod=u=rwX,go=rX d /c/\nCOPY --chmod=+x a.txt /e\nCOPY --chmod=go-w,u+s b.txt /f3/\n",
    "symbolic with a variable": "ARG M=u=rw,g=r,o=\nCOPY --chmod=$M a.txt d /e/\n",
    "owned": "COPY --chown=5 d /c/\nCOPY --chown=5:6 a.txt /e/f/\nCOPY --chown=root a.txt /g\n",
    "linked": "COPY --link d /c/\nCOPY --link --chown=5 a.txt /e/f/\nCOPY --link=false a.txt /g\nADD --link a.txt /tmp/\n",
    "linked with a mode": "COPY --link --chmod=640 a.txt /e/\nCOPY --link --chmod=u+x d /f/\n",
    "linked over a link": "RUN mkdir /x && ln -s x /y\nCOPY --link a.txt /y/\nCOPY b.txt /y/\n",
    "linked from a stage": "COPY --link --from=0 /bin/busybox /etc/passwd /to/\nRUN true\n",
    "with parents": "COPY --parents d/a d/sub /c/\nCOPY --parents ./d/./sub/b /e/\nCOPY --parents=true d/*/b /f/\n",
    "without some": "COPY --exclude=*.txt --exclude=d/sub . /c/\nCOPY --exclude=sub d /e/\nADD --exclude=**/b d /f/\n",
    "parents without some": "COPY --parents --exclude=**/a d /c/\n",
    "everything": "COPY . /all/\nCOPY d/* /flat/\nCOPY d/./sub/../a ./x\n",
    "patterns": "COPY [ab].txt d/s?b *.t\\xt /p/\nCOPY d* /q\n",
    "in json": 'COPY ["a.txt", "b.txt", "/a b/"]\nCOPY --chown=3 ["d", "/e f"]\n',
    "above the folder": "COPY ../a.txt ../../d/sub /x/\nCOPY d/../../b.txt /x/c\n",
    "to folders": "WORKDIR /w/x\nCOPY a.txt .\nCOPY a.txt ./y/\nCOPY a.txt ../z\nCOPY d .\nCOPY d sub\n",
}
TRIGGERS = {
    "of a stage": "FROM {base} AS one\nONBUILD ENV A=1\nONBUILD RUN echo $A >/made\nONBUILD COPY a.txt /b\nFROM one\nRUN echo $A >/c\n",
    "and of its own": "FROM {base} AS one\nONBUILD USER 5\nFROM one\nONBUILD RUN x\nRUN id -u >/tmp/made\n",
    "not of the next": "FROM {base} AS one\nONBUILD RUN echo x >>/made\nFROM one AS two\nFROM two\nRUN true\n",
    "heredocs": "FROM {base} AS one\nONBUILD RUN <<E\necho x >/made\nE\nONBUILD COPY <<F /f\n$A\nF\nFROM one\nRUN true\n",
    "an argument": "FROM {base} AS one\nONBUILD ARG A=1\nONBUILD LABEL l=$A\nFROM one\nLABEL m=$A\n",
}
RUNS = {
    "mounts without a target": "WORKDIR /w\nRUN --mount=ro cp a.txt /made\nRUN --mount=type=tmpfs touch x; ls >>/made\n",
    "a size": "RUN --mount=type=tmpfs,target=/dev/t,size=2m mount | grep -o ' /dev/t .*size=[0-9]*k' >/made\n",
    "a secret that nobody gave": "RUN --mount=type=secret,id=s,env=S --mount=type=secret,id=t echo ${S-none} >/made\n",
    "a network": "RUN --network=none ip link | grep -c : >/made\n",
    "binds": "RUN --mount=target=/dev/x,from=zero,source=/etc --mount=type=bind,source=d,target=/dev/y cat /dev/x/passwd /dev/y/a >/made\n",
}
ESCAPES = {
    "of lines": '# escape=`\nFROM {base}\nRUN echo `\n  a\\b `\n  >/made\nENV A=x\\y B=a`$A C="q`"q" D=a` b\n',
    "with another directive": "# check=skip=all\n#escape = `\n# comment\nFROM {base}\nENV A=a`$A\n",
    "too late": "# a comment\n# escape=`\nFROM {base}\nENV A=a\\$A\n",
    "as it is": "# escape=\\\nFROM {base}\nENV A=a\\$A\n",
    "paths": "# escape=`\nFROM {base}\nARG F=a\nCOPY $F.txt /c`$F/\nWORKDIR /w`\\x\nRUN true\nLABEL a=`` b=\\\nUSER 1\nEXPOSE 8`0\n",
    "in quotes": '# escape=`\nFROM {base}\nENV A=\'a`b\' B="a\\b`c" C="`$A"\n',
    "modifiers": "# escape=`\nFROM {base}\nENV A=a.b\nENV B=${A%.*} C=${A/./\\} D=${N:-`}}\n",
    "heredocs": "# escape=`\nFROM {base}\nENV A=a\nRUN <<E\necho '\\' `echo b` >/made\nE\nCOPY <<F /e\n`$A \\$A\nF\n",
}
WORDS = {
    "modifiers": (
        "ENV V=a.b.c.b S=/x/y/z.tar.gz N=\nENV A=${V%.*} B=${V%%.*} C=${V#*.} D=${V##*.} E=${V/b/X} F=${V//b/X} G=${V/b/}\n"
        "ENV H=${S##*/} I=${S%/*} J=${S%.tar*} K=${N:-d} L=${N-d} M=${U-d} O=${U+s} P=${N+s} Q=${N:+s} R=${V:+$S}\n"
        "ENV T=${V%b} W=${V#a.} X=${V/?b/Z} Y=${V//./} Z=${U:-${V%.*}}\n"
    ),
    "modifiers in quotes": 'ENV V=\'a b\' W=\'x/y\'\nENV A="${V% *}" B="${V/ /-}" C=${V/" "/-} D=${W//\\//+} E=\'${V}\' F="${U:-a b}"\n',
    "names": "ENV A=1 A_B=2\nENV C=$A_B D=${A}_B E=$A-$A.x F=\\$A G='$A' H=\"$A\" I=a$ J=$? K=$$ L=$1x M=${A}${A_B}\n",
    "old form": "ENV A a b  c\nENV B $A \"x\"\nLABEL l a 'b'\n",
    "labels": 'LABEL "a b"=c d=\'e f\' g="h\\\ni" j=k\\ l\nLABEL x$LANG=z\n',
    "given that must be": "ENV A=1\nENV B=${A:?no} C=${A?no}\n",
    "ports": "ENV P='80 81'\nEXPOSE $P 82/UDP 90-92\n",
    "volumes": 'WORKDIR /w/../x/./y/\nVOLUME /tmp/ /tmp\nVOLUME ["/etc"]\nSTOPSIGNAL SIGINT\nSTOPSIGNAL 9\n',
    "users": "USER root\nUSER 1001:0\nARG U=5\nUSER $U\n",
    "commands": 'ENTRYPOINT exec a "$B"\nCMD ["x", "$A"]\nSHELL ["/bin/sh", "-e", "-c"]\nCMD a  b\n',
    "a command and an entrypoint": 'CMD ["a"]\nENTRYPOINT ["b"]\n',
    "no commands": "CMD []\nENTRYPOINT []\n",
    "health": "HEALTHCHECK --interval=1m30s --timeout=500ms --start-period=2s --start-interval=1s --retries=3 CMD a b\n",
    "no health": "HEALTHCHECK NONE\n",
    "health in json": 'HEALTHCHECK CMD ["a", "$b"]\n',
    "maintainer": "MAINTAINER somebody <a@b.example>\n",
    "triggers": "ONBUILD RUN echo x\nONBUILD COPY a.txt /b\nonbuild ENV A=$B\nONBUILD   RUN a \\\n  b\n",
    "lower case": "env A=1\nrun echo $A >/made\ncopy a.txt /b\n",
    "comments": "RUN echo a \\\n# inside\n  b \\\n\n  >/made\n   # indented\nENV A=a#b B=#c\n",
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


# ADD of what is elsewhere; `{http}`, `{git}`, `{digest}` and `{commit}` are those of frontend/remotes.py.
REMOTES = {
    "a file": "ADD {http}/a.txt /made/b\nADD {http}/a.txt?x=y /made/c/\n",
    "files": "ADD {http}/a.txt {http}/b.tar /made/b/\n",
    "owned": "ADD --chown=5:6 --chmod=0640 {http}/a.txt /made/b/\nADD --chmod=u=rw,go=r {http}/a.txt /made/c\n",
    "compared": "ARG D={digest}\nADD --checksum=sha256:$D {http}/a.txt /made/b\n",
    "an archive": "ADD {http}/b.tar /made/b/\nADD --unpack {http}/b.tar /made/c/\nADD --unpack=true {http}/b.tar /made/d\n",
    "linked": "ADD --link {http}/a.txt /made/b/\n",
    "a repository": "ADD {git} /made/b\nADD {git}#v1 /made/c/\nADD {git}#main:docs /made/d\nADD {git}#:docs/deep /made/e/\n",
    "a commit": "ADD {git}#{commit} /made/b\nADD --checksum={commit} {git}#v1 /made/c\n",
    "of an owner": "ADD --chown=5:6 --exclude=docs {git}#v1 /made/b\nADD --chmod=0700 {git}#v1:docs /made/c/\n",
    "with its history": "ADD --keep-git-dir=true {git}#v1 /made/b\nRUN cat /made/b/.git/HEAD >/made/c && rm -r /made/b/.git\n",
    "with a variable": "ARG R=v1\nENV H={http}\nADD {git}#$R:docs /made/b\nADD $H/a.txt /made/c\n",
}
# What BuildKit refuses of it.
WRONG_REMOTES = {
    "another checksum": "ADD --checksum=sha256:{other} {http}/a.txt /b\n",
    "another commit": "ADD --checksum={commit} {git}#v2 /b\n",
    "nothing there": "ADD {http}/none /b\n",
    "no such branch": "ADD {git}#none /b\n",
    "no such folder": "ADD {git}#v1:none /b\n",
    "a copy": "COPY {http}/a.txt /b\n",
    "several compared": "ADD --checksum=sha256:{digest} {http}/a.txt {http}/b.tar /b/\n",
}
