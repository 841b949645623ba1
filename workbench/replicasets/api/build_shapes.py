"""What clients send and get about builds of images."""

from __future__ import annotations

from datetime import UTC, datetime

from pydantic import BaseModel, Field

from workbench.replicasets.api.bodies import Body
from workbench.replicasets.builds.queue import Build, BuildState
from workbench.replicasets.builds.recipes import Question


class BuildBody(Body):
    """Answers by the name of their question; those that are left out are answered as the release's defaults say."""

    answers: dict[str, str] = Field(
        {}, max_length=20, examples=[{"bundle": "minimal", "ide": "jupyter"}], json_schema_extra={"maxProperties": 20}
    )


class OfferView(BaseModel):
    """A choice, and why it is impossible, "" if it is not."""

    value: str
    title: str
    reason: str


class QuestionView(BaseModel):
    """A question after the answers to those before it; `answer` is "" where no choice is possible."""

    name: str
    label: str
    title: str
    answer: str
    offers: list[OfferView]


class QuestionsResponse(BaseModel):
    """The questions, in order."""

    questions: list[QuestionView]


class BuildView(BaseModel):
    """A build. `step` is what it does or did last; `ahead` is how many are before it in the queue."""

    number: int
    owner: str
    title: str
    state: BuildState
    step: str
    at: int
    steps: int
    ahead: int
    image: str
    reason: str
    made: str
    began: str
    ended: str


class BuildsResponse(BaseModel):
    """The builds that the caller may see, newest first, and why it may not build, "" if it may."""

    builds: list[BuildView]
    refusal: str


def build_view(build: Build) -> BuildView:
    """Return a build as clients see it."""
    return BuildView(
        number=build.number,
        owner=build.owner,
        title=build.title,
        state=build.state,
        step=build.step,
        at=build.at,
        steps=build.steps,
        ahead=build.ahead,
        image=build.image,
        reason=build.reason,
        made=_time(build.made),
        began=_time(build.began),
        ended=_time(build.ended),
    )


def question_view(question: Question) -> QuestionView:
    """Return a question as clients see it."""
    offers = [OfferView(value=each.value, title=each.title, reason=each.reason) for each in question.offers]
    return QuestionView(
        name=question.name, label=question.label, title=question.title, answer=question.answer, offers=offers
    )


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else ""
