from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from workbench.images.buildkit.llb.pb import control_pb2 as control
from workbench.images.buildkit.llb.status import Event, StatusReader


def vertex(*, started: bool = True, ended: bool = False, cached: bool = False, error: str = "") -> control.Vertex:
    made = control.Vertex(digest="sha256:a", name="step", inputs=["sha256:0"], cached=cached, error=error)
    if started:
        made.started.seconds = 1
    if ended:
        made.completed.seconds = 2
    return made


def log(data: bytes, stream: int = 1) -> control.StatusResponse:
    return control.StatusResponse(logs=[control.VertexLog(vertex="sha256:a", stream=stream, msg=data)])


def read(*responses: control.StatusResponse) -> list[Event]:
    reader = StatusReader()
    return [event for response in responses for event in reader.read(response)] + list(reader.end())


def of(*vertices: control.Vertex) -> control.StatusResponse:
    return control.StatusResponse(vertexes=vertices)


def test_a_repeated_status_is_one_event() -> None:
    events = read(of(vertex(started=False)), of(vertex()), of(vertex()), of(vertex(ended=True)), of(vertex(ended=True)))
    assert events == [
        Event("began", "sha256:a", "step", inputs=("sha256:0",)),
        Event("ended", "sha256:a", "step", inputs=("sha256:0",)),
    ]


def test_cached_comes_instead_of_ended() -> None:
    assert [event.kind for event in read(of(vertex(ended=True, cached=True)))] == ["began", "cached"]


def test_a_line_before_its_vertex_has_no_name_yet() -> None:
    assert read(log(b"early\n")) == [Event("line", "sha256:a", "", "early", 1)]


def test_progress_and_warnings() -> None:
    response = of(vertex())
    response.statuses.add(ID="sha256:layer", vertex="sha256:a", current=5, total=10)
    response.statuses.add(ID="x", name="transferring", vertex="sha256:a", current=7)
    response.warnings.add(vertex="sha256:a", short=b"deprecated")
    assert [(event.kind, event.text, event.current, event.total) for event in read(response)] == [
        ("began", "", 0, 0),
        ("progress", "sha256:layer", 5, 10),
        ("progress", "transferring", 7, 0),
        ("warning", "deprecated", 0, 0),
    ]


def test_a_bar_is_what_it_showed_last() -> None:
    assert [event.text for event in read(log(b"10%\r50%\r100%\r\nnext\r\n"))] == ["100%", "next"]


LINES = st.lists(st.binary(max_size=6).map(lambda data: data.replace(b"\n", b"").replace(b"\r", b"")), max_size=6)


@given(LINES, LINES, st.lists(st.integers(1, 4), max_size=30))
def test_lines_are_the_same_however_they_come_in_pieces(out: list[bytes], err: list[bytes], sizes: list[int]) -> None:
    rest = {1: b"".join(line + b"\n" for line in out), 2: b"".join(line + b"\n" for line in err)}
    responses = [of(vertex())]
    for turn, size in enumerate(sizes):
        stream = turn % 2 + 1
        responses.append(log(rest[stream][:size], stream))
        rest[stream] = rest[stream][size:]
    responses += [log(rest[1], 1), log(rest[2], 2), of(vertex(ended=True))]
    lines: dict[int, list[str]] = {1: [], 2: []}
    for event in read(*responses):
        if event.kind == "line":
            lines[event.stream].append(event.text)
    assert lines == {
        1: [line.decode(errors="replace") for line in out],
        2: [line.decode(errors="replace") for line in err],
    }
