from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalogues import make_catalogue
from tests.command import wizard
from tests.engine import TINY, Engine
from tests.images.test_base import BASE, FLAGS
from workbench.errors import WorkbenchError
from workbench.images.validate import Check, read_report, validate

IMAGE = "localhost/workbench-images:base-bookworm-py311_2026a_20261122"
# A base in miniature: its python and pip are scripts that answer as the real ones do.
SOUND = f"""\
FROM {TINY}
RUN mkdir -p /opt/app-root/src /opt/app-root/lib && chmod -R g=u /opt/app-root \\
    && printf '#!/bin/sh\\ncase "$2" in *version_info*) echo 3.11;; *) echo /opt/app-root/lib;; esac\\n' >/bin/python \\
    && printf '#!/bin/sh\\nexit 0\\n' >/bin/pip \\
    && cp /bin/pip /bin/tool && chmod +x /bin/python /bin/pip /bin/tool
USER 1001
WORKDIR /opt/app-root/src
"""


def built(engine: Engine, containerfile: str) -> str:
    engine("build", "--tag", IMAGE, "-", stdin=containerfile.encode())
    return IMAGE


def failures(engine: Engine, containerfile: str) -> list[tuple[str, str]]:
    checks = validate(built(engine, containerfile), ("sh", "tool"), "3.11")
    return [(check.what, check.observed) for check in checks if not check.holds]


def test_a_sound_image(engine: Engine) -> None:
    assert failures(engine, SOUND) == []


BROKEN = [
    ("RUN rm /bin/tool\n", [("as 1001: command tool", "not found"), ("as 12345:0: command tool", "not found")]),
    ("ENV PATH=/nothing:/bin\nRUN chmod g-w /opt/app-root/lib && chown 1001 /opt/app-root/lib\n", [
        ("as 12345:0: may write /opt/app-root/lib", "readonly")]),
    ("RUN sed -i s/3.11/3.9/ /bin/python\n", [
        ("as 1001: Python", "3.9, expected 3.11"), ("as 12345:0: Python", "3.9, expected 3.11")]),
    ("RUN printf '#!/bin/sh\\nexit 1\\n' >/bin/pip\n", [("as 1001: pip", "broken"), ("as 12345:0: pip", "broken")]),
]  # fmt: skip


@pytest.mark.parametrize(("step", "expected"), BROKEN, ids=["command", "permissions", "python", "pip"])
def test_w22_a_broken_image_is_seen_whatever_its_shell(
    engine: Engine, step: str, expected: list[tuple[str, str]]
) -> None:
    assert failures(engine, SOUND + "USER 0\n" + step + "USER 1001\n") == expected


def test_its_user_and_folder(engine: Engine) -> None:
    found = failures(engine, SOUND + "USER 0\nWORKDIR /\n")
    assert found[:2] == [
        ("user of the image", "0, expected 1001"),
        ("folder of the image", "/, expected /opt/app-root/src"),
    ]


def test_the_verb(engine: Engine, tmp_path: Path) -> None:
    folder = make_catalogue(tmp_path, BASE)
    built(engine, SOUND)
    done = wizard("validate", "--catalog", folder, *FLAGS)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "  ok      user of the image: 1001"
    assert "  ok      as 12345:0: command tool: /bin/tool" in lines
    assert lines[-1] == f"{IMAGE}: all checks hold"
    built(engine, SOUND + "USER 0\nRUN rm /bin/pip\n")
    done = wizard("validate", "--catalog", folder, *FLAGS, "--json")
    assert done.returncode == 1
    (report,) = json.loads(done.stdout)
    assert report["ok"] is False
    assert [check["check"] for check in report["checks"] if not check["ok"]] == [
        "user of the image",
        "as 1001: pip",
        "as 12345:0: pip",
    ]
    done = wizard("validate", "--catalog", folder, *FLAGS)
    assert done.stdout.splitlines()[-1] == f"{IMAGE}: 3 of {len(report['checks'])} checks failed"


def test_an_image_that_is_not_there(engine: Engine) -> None:
    with pytest.raises(WorkbenchError, match="is not on this machine"):
        validate("localhost/nothing:1", (), "3.11")


def test_an_image_that_does_not_start(engine: Engine) -> None:
    engine("build", "--tag", IMAGE, "-", stdin=f"FROM {TINY}\nRUN rm /bin/sh\n".encode())
    with pytest.raises(WorkbenchError, match=f"{IMAGE} does not run as user 1001"):
        validate(IMAGE, (), "3.11")


def test_names_of_commands_are_never_shell(engine: Engine) -> None:
    checks = validate(built(engine, SOUND), ("sh; touch /tmp/broken", "$(id)", "-v"), "3.11")
    commands = [check for check in checks if check.what.startswith("as 1001: command")]
    assert [check.holds for check in commands] == [False, False, False]


def test_a_shell_that_stops_early_is_a_failure() -> None:
    assert read_report("user 1001:0\nfolder /opt/app-root/src\n", "1001", "3.11") == [
        Check("as 1001: user and group", True, "1001:0"),
        Check("as 1001: folder", True, "/opt/app-root/src"),
        Check("as 1001: the checks ran to their end", False, "the shell stopped early"),
    ]
