from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.models.test_request import MODEL, WEIGHTLESS
from workbench.errors import WorkbenchError
from workbench.images.labels import MODEL_LABEL
from workbench.models.labels import CONFIG_LABEL, SCHEMA_LABEL, VERSION_LABEL, labels, model_of
from workbench.models.model import Model, ModelBase


@pytest.mark.parametrize("model", [MODEL, WEIGHTLESS, replace(MODEL, schema="")])
def test_labels_hold_the_whole_model(model: Model) -> None:
    assert model_of(model.name, labels(model)) == model


def test_an_image_that_cog_itself_built_has_what_cog_labels() -> None:
    config = {"build": {"gpu": True, "python_version": "3.11", "fast": False}, "predict": "predict.py:Predictor"}
    found = model_of("r8.im/a/b", {CONFIG_LABEL: json.dumps(config), VERSION_LABEL: "0.9.1"})
    assert (found.config.predict, found.config.build.gpu, found.resolved.cog) == ("predict.py:Predictor", True, "0.9.1")
    assert (found.resolved.packages, found.base) == ({}, ModelBase("", "", ""))


@pytest.mark.parametrize(
    ("image_labels", "message"),
    [
        ({}, "localhost/x:1 is not a model's image"),
        ({CONFIG_LABEL: "[]"}, "the label run.cog.config of localhost/x:1 is not a JSON object"),
        ({CONFIG_LABEL: "{"}, "the label run.cog.config of localhost/x:1 is not a JSON object"),
        (
            {CONFIG_LABEL: "{}", SCHEMA_LABEL: "7"},
            "the label run.cog.openapi_schema of localhost/x:1 is not a JSON object",
        ),
    ],
)
def test_what_is_not_a_models_image(image_labels: dict[str, str], message: str) -> None:
    with pytest.raises(WorkbenchError) as caught:
        model_of("localhost/x:1", image_labels)
    assert caught.value.message == message


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["on", "packages", "notes", "python", "held", "build", "run"]), inner)
    ),
    max_leaves=12,
)


@settings(deadline=None)
@given(JSON, JSON)
def test_any_label_is_a_model_or_a_named_error(config: object, resolved: object) -> None:
    image_labels = {CONFIG_LABEL: json.dumps(config), MODEL_LABEL: json.dumps(resolved)}
    try:
        model_of("localhost/x:1", image_labels)
    except WorkbenchError as error:
        assert error.message
