# ruff: noqa: E501, lists are easier to read in one line
"""Generated Containerfiles: the whole grammar, mostly right, with slips."""

from __future__ import annotations

from random import Random

_WORDS: tuple[str, ...] = (
    "a",
    "$A",
    "${B}",
    "${A:-x}",
    "${A%.*}",
    "${B/a/b}",
    "'q $A'",
    '"q $B"',
    "a\\ b",
    "x=y",
    "é",
    "1",
    "/p",
    "*.t",
    "..",
)
_WORDS += ("${A", "${A^}", "'", '"', "$", "\\", "", "<<E", "--flag", "#", "[", '["j"]', "~", "a:b", "80/tcp", "0", "-")
_NAMES = ("A", "B", "C_1", "$A", "a.b", "", "1", "PATH", "TARGETARCH")
_FLAGS = {
    "ADD": ("--checksum=sha256:$A", f"--checksum=sha256:{'0' * 64}", "--checksum=x", "--checksum=", "--keep-git-dir", "--keep-git-dir=x", "--unpack", "--unpack=false", "--chown=1:2", "--chmod=755", "--link", "--exclude=*.x", "--chown=", "--chmod=u+x", "--chmod=9", "--bad", "--chown=a b"),
    "COPY": ("--from=s0", "--from=S0", "--from=0", "--from=9", "--from=$A", "--from=docker.io/library/x:1", "--chown=u:g", "--chmod=0644", "--chmod=go-w", "--chmod=77777", "--link", "--link=false", "--link=x", "--parents", "--exclude=a", "--nope=1"),
    "RUN": (
        "--mount=type=cache,target=/c", "--mount=type=cache", "--mount=type=bind,target=/b,source=s", "--mount=type=secret,id=s",
        "--mount=type=secret,id=s,env=E", "--mount=type=tmpfs,target=/t", "--mount=type=tmpfs,target=/t,size=1m", "--mount=type=ssh", "--mount=type=ssh,id=$A,mode=0600,uid=1", "--mount=type=ssh,target=/s,required", "--mount=type=ssh,bad=1", "--mount=type=ssh,id=",
        "--mount=target=/x,from=s0", "--mount=target=/x,from=none", "--mount=target=/x,from=0", "--mount=type=odd,target=/x", "--mount=type=cache,target=/c,sharing=odd",
        "--mount=type=cache,target=/c,id=$A,mode=0755,uid=1,gid=2,ro", "--mount=type=bind,target=/b,rw", "--mount=", "--network=none",
        "--network=host", "--network=odd", "--security=insecure", "--mount=type=secret", "--mount=type=cache,target=c,mode=9", "--mount=type=cache,target=/c,bad=1",
        "--mount=type=secret,target=/s,required=maybe", "--mount=type=tmpfs,target=/,size=x", "--mount=type=bind,target=/b,from=", "--mount=type=cache,target=",
    ),
    "HEALTHCHECK": ("--interval=1s", "--timeout=x", "--retries=3", "--retries=-1", "--start-period=1m1s", "--start-interval=1s", "--interval=1ns"),
    "FROM": ("--platform=linux/amd64", "--platform=$BUILDPLATFORM", "--platform=amd64", "--platform=linux/arm64", "--platform=", "--platform=a/b/c/d", "--platform=$A", "--odd=1"),
}  # fmt: skip
_BASES = (
    "scratch",
    "s0",
    "S0",
    "docker.io/library/x:1",
    "$IMAGE",
    "${IMAGE:-scratch}",
    "scratch AS s1",
    "scratch AS s0",
    "s0 AS x",
    "scratch as 1x",
    "scratch AS",
    "scratch x y",
    "",
)
_JSON = ('["a", "b"]', '["$A"]', "[]", '["a", 1]', '["a"', "['a']", '["a b", "/c"]')


def containerfile(chance: Random) -> str:
    """Return one, by `chance`."""
    lines = []
    if chance.random() < 0.1:
        lines.append(
            chance.choice(
                ("# escape=`", "# escape=\\", "# check=skip=all", "#escape = `", "# escape=x", "# a comment", "")
            )
        )
    for _ in range(chance.choice((0, 0, 1, 2))):
        lines.append(f"ARG {_pairs(chance, alone=0.2)}" if chance.random() < 0.7 else "ARG IMAGE=scratch")
    if chance.random() < 0.97:
        lines.append("FROM scratch AS s0")
    for _ in range(chance.randint(1, 6)):
        lines.append(_line(chance))
    return "\n".join(lines) + "\n"


def _line(chance: Random) -> str:
    word = chance.choice(tuple(_MADE))
    flags = []
    while chance.random() < 0.35 and word in _FLAGS:
        flags.append(chance.choice(_FLAGS[word]))
    shown = word.lower() if chance.random() < 0.05 else word
    return " ".join([shown, *flags, _MADE[word](chance)])


def _word(chance: Random) -> str:
    # Most words are right, so that most texts are read to their end.
    return chance.choice(_WORDS[:15] if chance.random() < 0.9 else _WORDS)


def _words(chance: Random) -> str:
    return " ".join(_word(chance) for _ in range(chance.choice((0, 1, 1, 2, 2, 3))))


def _pairs(chance: Random, alone: float = 0.02) -> str:
    made = []
    for _ in range(chance.choice((1, 1, 2, 3))):
        name, value = chance.choice(_NAMES[:3] if chance.random() < 0.9 else _NAMES), _word(chance)
        made.append(name if chance.random() < alone else f"{name}={value}")
    return " ".join(made)


def _text(chance: Random) -> str:
    if chance.random() < 0.3:
        return chance.choice(_JSON)
    return _words(chance)


def _heredoc(chance: Random) -> str:
    name = chance.choice(("E", "E", "F", "a.b", "a/b"))
    word = chance.choice(("<<{}", "<<-{}", "<<'{}'", '<<"{}"', "3<<{}", "cat <<{}", "<<{} cat")).format(name)
    body = chance.choice(("", "x $A\n", "${A\n", "#!/bin/sh\nx\n", "\t$B\n", "'\"\n", "FROM x\n", "\\\n"))
    end = name if chance.random() < 0.95 else "other"
    return f"{word}@@\n{body}{end}"


def _run(chance: Random) -> str:
    return _heredoc(chance).replace("@@", "") if chance.random() < 0.25 else _text(chance)


def _copy(chance: Random) -> str:
    if chance.random() < 0.25:
        return _heredoc(chance).replace("@@", chance.choice((" /x", " /x/", " a /x/", "", " $A")))
    if chance.random() < 0.2:
        return chance.choice(_JSON)
    return " ".join(
        [
            *(_word(chance) for _ in range(chance.choice((0, 1, 1, 1, 1, 1, 2)))),
            chance.choice(("/x", "/x/", "./", "$A", "b", ".", "/$A")),
        ]
    )


_ADDRESSES = (
    *("http://a.example/b", "https://a.example/b.git", "https://a.example/b.git#v1:c", "git://a.example/b", "http://"),
    *("https://a.example/$A", "${B}://a.example/b", "git@a.example:b.git", "ssh://a.example/b", "ftp://a.example/b"),
    *("https://a.example/b.git#", "https://a.example/b.git?ref=x", "https://a.example/b.git#a:b:c", "http://a b/c"),
    *(
        "https://a.example/b.git#..",
        "http://[::1/b",
        "https://a.example:x/b",
        "github.com/a/b.git",
        "http://a.example/%zz",
    ),
)


def _add(chance: Random) -> str:
    if chance.random() < 0.5:
        return _copy(chance)
    sources = [chance.choice(_ADDRESSES) for _ in range(chance.choice((1, 1, 1, 2)))]
    return " ".join([*sources, *([_word(chance)] if chance.random() < 0.1 else []), chance.choice(("/x", "/x/", "."))])


def _health(chance: Random) -> str:
    return chance.choice(("NONE", "CMD", "CMD x", "CMD []", 'CMD ["x"]', "NONE x", "", "cmd x", "OTHER x"))


_MADE = {
    "ADD": _add,
    "ARG": lambda chance: _pairs(chance, alone=0.2),
    "CMD": _text,
    "COPY": _copy,
    "ENTRYPOINT": _text,
    "ENV": _pairs,
    "EXPOSE": lambda chance: chance.choice(
        ("80", "80/udp", "80-90", "x", "$A", "99999", "80 81", "", "80/odd", "8000-7000", "1:2", "${A:-5}")
    ),
    "FROM": lambda chance: chance.choice(_BASES),
    "HEALTHCHECK": _health,
    "LABEL": _pairs,
    "MAINTAINER": _words,
    "ONBUILD": lambda chance: chance.choice(
        ("RUN x", "FROM x", "ONBUILD RUN x", "COPY a /b", "", "ENV A", "odd x", "MAINTAINER x")
    ),
    "RUN": _run,
    "SHELL": _text,
    "STOPSIGNAL": lambda chance: chance.choice(("SIGINT", "9", "x", "$A", "", "SIGODD", "${A:-TERM}")),
    "USER": _words,
    "VOLUME": _text,
    "WORKDIR": _words,
}
