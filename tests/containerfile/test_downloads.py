from __future__ import annotations

import pytest

from workbench.containerfile.downloads import unchecked_downloads


@pytest.mark.parametrize(
    ("line", "url"),
    [
        ("RUN rpm -i https://a.example/b.rpm", "https://a.example/b.rpm"),
        ("RUN yum install -y git && rpm -Uvh --force http://a.example/b.rpm", "http://a.example/b.rpm"),
        ("RUN yum install -y https://a.example/b.rpm", "https://a.example/b.rpm"),
        ("RUN dnf -y install 'https://a.example/b.rpm'", "https://a.example/b.rpm"),
        ("RUN pip install https://a.example/b.whl", "https://a.example/b.whl"),
        ("RUN curl -L https://a.example/b | tar x", "https://a.example/b"),
        ("RUN git --version && \\\n    wget -q https://a.example/b -O /b", "https://a.example/b"),
        ("RUN <<E\nset -e\ncurl -LO https://a.example/b\nE", "https://a.example/b"),
        ("ADD https://a.example/b.jar .", "https://a.example/b.jar"),
        ("ADD https://a.example/b.git#main .", "https://a.example/b.git"),
        ("ADD --chown=1001:0 https://a.example/b.jar https://a.example/c.jar ./", "https://a.example/c.jar"),
    ],
)
def test_what_compares_nothing_is_named_with_its_line(line: str, url: str) -> None:
    found = list(unchecked_downloads(f"FROM a\nUSER 0\n{line}\n"))
    assert [number for number, message in found if url in message] == [3], found


@pytest.mark.parametrize(
    "line",
    [
        "RUN curl -fsSLo /b https://a.example/b && echo '0000  /b' | sha256sum --check --strict",
        "RUN curl -fsS https://a.example/key | gpg --import",
        "RUN curl -fsS http://localhost:8888/api",
        "RUN pip install -i https://index.example/simple attrs",
        "RUN pip install --require-hashes --extra-index-url https://index.example/simple -r list.txt",
        "RUN pip install https://a.example/b.whl#sha256=0000",
        "RUN yum install -y git",
        "ADD --checksum=sha256:0000 https://a.example/b.jar .",
        f"ADD https://a.example/b.git#{'0' * 40}:docs .",
        "RUN echo see https://a.example/",
        "LABEL url=https://a.example/",
        "COPY a b",
        "ADD a.tar.gz /",
    ],
)
def test_what_compares_or_downloads_nothing_is_not(line: str) -> None:
    assert list(unchecked_downloads(f"FROM a\n{line}\n")) == []
