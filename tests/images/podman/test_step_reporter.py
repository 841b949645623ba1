"""The steps that are shown, from what podman 4.3.1 and 5.4.2 print for the same build."""

from __future__ import annotations

import pytest

from tests.images.podman.test_builder import Noted
from workbench.containerfile.stages import stages
from workbench.images.podman.step_reporter import StepReporter

ONE = 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox","true"]\nUSER 1\n'
TWO = f"""\
FROM scratch AS a
COPY busybox /bin/busybox
RUN ["/bin/busybox","true"]
FROM scratch
COPY --from=a /bin/busybox /bin/busybox
{ONE.partition("busybox /bin/busybox")[2].lstrip()}"""

# Recorded with `podman build --no-cache --layers --label=a=1 --label=b=2 --label=c=3`.
PODMAN_4_ONE = """\
STEP 1/7: FROM scratch
STEP 2/7: COPY busybox /bin/busybox
--> 28817d4ccc1
STEP 3/7: RUN ["/bin/busybox","true"]
--> 90c3a09a5b5
STEP 4/7: USER 1
--> d6863a09172
STEP 5/7: LABEL "a"="1"
--> 853302d485f
STEP 6/7: LABEL "b"="2"
--> d1a8dbac112
STEP 7/7: LABEL "c"="3"
COMMIT localhost/one
--> cecd0f57acb
Successfully tagged localhost/one:latest
cecd0f57acb37d691a3aa8dff49e54b490ee56cfa077a6941e951d78ad71e7df
"""
PODMAN_5_ONE = """\
STEP 1/5: FROM scratch
STEP 2/5: COPY busybox /bin/busybox
--> f708ad5322b0
STEP 3/5: RUN ["/bin/busybox","true"]
--> fb5f6cc11354
STEP 4/5: USER 1
--> 18e4abf8f164
STEP 5/5: LABEL "a"="1" "b"="2" "c"="3"
COMMIT localhost/one
--> 03998e50fd7c
Successfully tagged localhost/one:latest
03998e50fd7cfade5747d5415f56eb77517ce65eeb2f5f6333530af687d41a6a
"""
PODMAN_5_TWO = """\
[1/2] STEP 1/3: FROM scratch AS a
[1/2] STEP 2/3: COPY busybox /bin/busybox
--> 6baac3d4ba10
[1/2] STEP 3/3: RUN ["/bin/busybox","true"]
--> 437da08ac57c
[2/2] STEP 1/5: FROM scratch
[2/2] STEP 2/5: COPY --from=a /bin/busybox /bin/busybox
--> e50683a3b766
[2/2] STEP 3/5: RUN ["/bin/busybox","true"]
--> 6fe3041a9b7d
[2/2] STEP 4/5: USER 1
--> 283fcbbe5d53
[2/2] STEP 5/5: LABEL "a"="1" "b"="2" "c"="3"
[2/2] COMMIT localhost/two
--> 18ab4ea087cd
Successfully tagged localhost/two:latest
18ab4ea087cd439bcce375d4f11cb881bc41b3a899e95bb1cf101353401aa65c
"""
# Made from that output, as 5.4.2 does without a label: then there is no step of labels.
PODMAN_5_TWO_PLAIN = PODMAN_5_TWO.replace('[2/2] STEP 5/5: LABEL "a"="1" "b"="2" "c"="3"\n', "").replace("/5:", "/4:")
# Made from that output, as 5.4.2 does with a stage that nothing uses.
PODMAN_5_UNUSED = PODMAN_5_TWO[PODMAN_5_TWO.index("[2/2]") :].replace("--from=a ", "")


@pytest.mark.parametrize(
    ("version", "text", "labels", "output", "total"),
    [
        ((4, 3), ONE, 3, PODMAN_4_ONE, 7),
        ((5, 4), ONE, 3, PODMAN_5_ONE, 5),
        ((5, 4), TWO, 3, PODMAN_5_TWO, 8),
        ((5, 4), TWO, 0, PODMAN_5_TWO_PLAIN, 7),
        # A stage that nothing uses is passed over.
        ((5, 4), TWO.replace("--from=a ", ""), 3, PODMAN_5_UNUSED, 5),
        # A version that nobody has seen: one stage shows it from its first line on.
        ((0,), ONE, 3, PODMAN_5_ONE, 5),
    ],
)
def test_one_number_of_steps_from_the_first_to_the_last(
    version: tuple[int, ...], text: str, labels: int, output: str, total: int
) -> None:
    noted = Noted()
    reporter = StepReporter(noted, stages(text), labels, version)
    for line in output.splitlines():
        reporter.read(line)
    assert [(number, of) for number, of, _ in noted.steps] == [(number, total) for number in range(1, total + 1)]


def test_another_count_than_its_versions_is_noticed_in_the_last_stage() -> None:
    noted = Noted()
    reporter = StepReporter(noted, stages(TWO), 3, (4, 9))
    for line in PODMAN_5_TWO.splitlines():
        reporter.read(line)
    assert [of for _, of, _ in noted.steps] == [10] * 3 + [8] * 5
    noted = Noted()
    reporter = StepReporter(noted, stages(TWO), 3, (4, 9))
    for line in PODMAN_5_UNUSED.splitlines():
        reporter.read(line)
    assert [of for _, of, _ in noted.steps] == [5] * 5
