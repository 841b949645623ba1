"""An option of a set is declared once, and is in all that is made from that."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import Any

import pytest

from workbench.replicasets.api.bodies import PatchBody, RunBody
from workbench.replicasets.api.responses import SetView
from workbench.replicasets.engines.protocol import ContainerSpec
from workbench.replicasets.errors import Invalid
from workbench.replicasets.options import OPTIONS, Option, Options, OptionsRequest, only_live, parsed, recorded
from workbench.replicasets.values import Version
from workbench.verbs import rs

# How clients write each option, and what is recorded of that.
WRITTEN: dict[str, tuple[Any, Any]] = {
    "cpus": (0.5, 500),
    "memory": ("8GB", 8 << 30),
    "restart": ("always", "always"),
    "grace": (30, 30),
    "shm": ("1GB", 1 << 30),
}


def test_every_option_is_declared_whole() -> None:
    names = [option.name for option in OPTIONS]
    assert names == [field.name for field in fields(Options)] == [field.name for field in fields(OptionsRequest)]
    assert set(names) == set(WRITTEN)
    for kind in (Version, ContainerSpec):
        assert set(names) <= {field.name for field in fields(kind)}
    assert len({option.docker for option in OPTIONS}) == len(OPTIONS)


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_from_a_request_to_the_record_and_back(option: Option) -> None:
    text, value = WRITTEN[option.name]
    run = RunBody.model_validate({"imageName": "x", "replicaSetName": "foo", option.key: text}).request()
    key, inner = option.patch
    patch = PatchBody.model_validate({key: {inner: text}}).request()
    assert getattr(run, option.name) == getattr(patch, option.name) == text
    assert parsed(patch) == {option.name: value}
    assert recorded(Options()) | parsed(run) == recorded(Options()) | {option.name: value}
    assert option.text(value) == text
    assert option.shown(option.in_docker(value)) == str(text)
    assert option.shown(0) == ""
    assert option.key in SetView.model_fields
    parser = argparse.ArgumentParser()
    rs.arguments(parser)
    for words in (["run", "image"], ["patch", "foo"]):
        assert getattr(parser.parse_args([*words, option.flag, str(text)]), option.name) == text


def test_what_is_not_requested_stays() -> None:
    assert parsed(OptionsRequest()) == {}
    assert PatchBody.model_validate({}).request().cpus is None
    for wrong in (OptionsRequest(memory="1KB"), OptionsRequest(restart="maybe"), OptionsRequest(grace=-1)):
        with pytest.raises(Invalid):
            parsed(wrong)


def test_which_changes_need_no_new_version() -> None:
    assert only_live(Options(cpus=1), Options(cpus=2, memory=1 << 30))
    assert not only_live(Options(cpus=1), Options(cpus=1))
    assert only_live(Options(), Options(restart="always", grace=1))
    assert not only_live(Options(), Options(restart="always", shm=1 << 20))
