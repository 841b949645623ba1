"""Tokens while the service runs: expiry, rotation, revocation; and their file, whoever else changes it."""

from __future__ import annotations

import json
import multiprocessing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.replicasets.api.conftest import Served
from tests.replicasets.fakes import IMAGE
from workbench.errors import WorkbenchError
from workbench.replicasets.api import tokens as module
from workbench.replicasets.api.token_texts import iso, parse_quota, parse_time, quota_text
from workbench.replicasets.api.tokens import Token, Tokens
from workbench.replicasets.values import Quota, Role

NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


def status(served: Served, plain: str) -> tuple[int, str]:
    with served.client("") as client:
        response = client.get("/api/v1/replicaSet", headers={"Authorization": f"Bearer {plain}"})
    return response.status_code, response.json()["msg"]


def test_a_token_that_expires_is_revoked_or_rotated_counts_no_more(served: Served) -> None:
    tokens = Tokens(str(served.folder / "state"))
    soon = iso(datetime.now(UTC) + timedelta(hours=1))
    plain = tokens.add("anna", Role.OPERATE, Quota(sets=1), soon)
    assert status(served, plain)[0] == 200
    with served.client("") as client:
        headers = {"Authorization": f"Bearer {plain}"}
        body = {"imageName": IMAGE, "replicaSetName": "annas"}
        assert client.post("/api/v1/replicaSet", json=body, headers=headers).status_code == 200
    tokens.change("anna", expires="2026-01-01T00:00:00+00:00")
    assert status(served, plain) == (401, "the token anna expired on 2026-01-01T00:00:00+00:00")
    tokens.change("anna", expires="")
    second = tokens.rotate("anna", soon)
    assert [status(served, each)[0] for each in (plain, second)] == [200, 200]
    third = tokens.rotate("anna")
    assert [status(served, each)[0] for each in (plain, second, third)] == [401, 401, 200]
    tokens.revoke("anna")
    assert status(served, third) == (401, "a token is needed")
    # Its name and its quota stay: nobody gets another's sets by taking a name.
    assert tokens.quota("anna") == Quota(sets=1)
    with pytest.raises(WorkbenchError, match="what it made is anna's still"):
        tokens.add("anna", Role.READ)
    assert status(served, third)[0] == 401
    again = tokens.rotate("anna")
    assert status(served, again)[0] == 200
    assert [each.owner for each in served.room.sets()] == ["anna"]
    tokens.revoke("anna", forget=True)
    assert status(served, again)[0] == 401 and tokens.quota("anna") == Quota()
    with pytest.raises(WorkbenchError, match="there is no token anna"):
        tokens.revoke("anna")


def test_a_first_token_is_handed_over_again_or_gone(tmp_path: Path) -> None:
    tokens = Tokens(str(tmp_path))
    tokens.begin()
    plain = tokens.rotate("first.operate")
    assert (tmp_path / "operate.token").read_text().strip() == plain
    assert (tmp_path / "operate.token").stat().st_mode & 0o777 == 0o600
    tokens.revoke("first.operate")
    assert not (tmp_path / "operate.token").exists()
    # Whoever revoked it does not get a new one at the next start.
    tokens.revoke("first.admin")
    assert Tokens(str(tmp_path)).begin() == []


def test_the_former_secret_ends_when_its_time_is_over(tmp_path: Path) -> None:
    now = [NOW]
    tokens = Tokens(str(tmp_path), lambda: now[0])
    first = tokens.add("anna", Role.READ)
    second = tokens.rotate("anna", parse_time("1h", NOW))
    now[0] += timedelta(minutes=59)
    assert tokens.allowed(first)[0] is not None and tokens.allowed(second)[0] is not None
    now[0] += timedelta(minutes=2)
    assert tokens.allowed(first) == (None, "")
    assert tokens.allowed(second)[0] is not None
    text = (tmp_path / "tokens.json").read_text()
    assert first not in text and second not in text
    # Nothing hashes to what stands where there is no secret.
    tokens.revoke("anna")
    assert tokens.find("") is None


def test_when_a_token_was_used_is_known_to_the_minute(tmp_path: Path) -> None:
    now = [NOW]
    tokens = Tokens(str(tmp_path), lambda: now[0])
    plain = {name: tokens.add(name, Role.READ) for name in ("anna", "bert", "carl")}
    tokens.allowed(plain["anna"])
    assert tokens.used() == {}
    now[0] += timedelta(seconds=61)
    tokens.allowed(plain["bert"])
    assert Tokens(str(tmp_path)).used() == {"anna": "2026-11-29T12:00:00+00:00", "bert": "2026-11-29T12:01:01+00:00"}
    (tmp_path / module.USED).write_text("[")
    assert tokens.used() == {}


def test_a_file_of_before_there_were_expiries(tmp_path: Path) -> None:
    plain = Tokens(str(tmp_path)).add("anna", Role.OPERATE)
    path = tmp_path / "tokens.json"
    (row,) = json.loads(path.read_text())["tokens"]
    path.write_text(json.dumps({"tokens": [{key: row[key] for key in ("name", "role", "sha256", "quota")}]}))
    token, reason = Tokens(str(tmp_path)).allowed(plain)
    assert (token, reason) == (Token("anna", Role.OPERATE, row["sha256"]), "")


def add_many(folder: str, who: str) -> None:
    for number in range(20):
        Tokens(folder).add(f"{who}{number}", Role.READ)


def test_processes_that_add_at_the_same_time_lose_none(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=add_many, args=(str(tmp_path), who)) for who in "ab"]
    for each in processes:
        each.start()
    for each in processes:
        each.join(120)
        assert each.exitcode == 0
    assert len(Tokens(str(tmp_path)).all()) == 40


def test_texts() -> None:
    for text in ("sets=3,gpus=2,volumes=1,memory=16384MB,disk=1048576MB", ""):
        assert quota_text(parse_quota(text)) == text
    for text, when in (
        ("90d", "2027-02-27T12:00:00+00:00"),
        ("30m", "2026-11-29T12:30:00+00:00"),
        ("2026-11-29", "2026-11-30T00:00:00+00:00"),
        ("2027-01-31T10:00+02:00", "2027-01-31T08:00:00+00:00"),
        ("never", ""),
    ):
        assert parse_time(text, NOW) == when
    for text in ("", "0d", "tomorrow", "2026-11-28", "-1d", "99999999d"):
        with pytest.raises(WorkbenchError):
            parse_time(text, NOW)
