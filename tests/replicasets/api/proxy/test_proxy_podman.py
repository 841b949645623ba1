"""Two owners from another machine's browser: each gets to their own sets, and hostile pages get nowhere."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engine import TINY
from tests.replicasets.api.proxy.real import browser_of, laptop, reached
from workbench.replicasets.api.proxy.places import Place
from workbench.replicasets.requests import PatchRequest, RunRequest
from workbench.replicasets.service import ReplicaSets
from workbench.replicasets.values import Caller

pytestmark = pytest.mark.thorough
# A page that tries what it can, and says what came of it.
HOSTILE = """<!doctype html><title>of %s</title><pre id=found></pre><script>
const get = async (name, address, more) => {
  try {
    const response = await fetch(address, { credentials: "include", ...more });
    return [name, response.status];
  } catch { return [name, "nothing"]; }
};
const worker = async (scope) => {
  try { await navigator.serviceWorker.register("w.js", { scope }); return ["worker", "wide"]; }
  catch { return ["worker", "nothing"]; }
};
window.attack = async (api, others) => Object.fromEntries(await Promise.all([
  get("api", api + "/api/v1/replicaSet"),
  get("api blind", api + "/api/v1/replicaSet/b", { method: "DELETE" }),
  get("ticket", api + "/api/v1/replicaSet/b/session", { method: "POST" }),
  ...others.map((each) => get(each, each)), worker("/"),
]));
</script>"""


def run(rs: ReplicaSets, name: str, owner: str) -> None:
    files = f"mkdir /www; echo >/www/w.js; cat >/www/index.html <<'END'\n{HOSTILE % name}\nEND\n"
    rs.run(RunRequest(TINY, name, command=["sh", "-c", f"{files}exec httpd -f -p 8888 -h /www"]), Caller(owner))


def test_two_owners_from_another_machine(room: Callable[..., ReplicaSets], tmp_path: Path) -> None:
    from playwright.sync_api import expect

    rs = room(proxied=True)
    # Not one port is published.
    for name, owner in (("a", "anna"), ("b", "anna"), ("c", "bob")):
        run(rs, name, owner)
    with laptop() as (host, namespace):
        with reached(rs, tmp_path, host) as at, browser_of(namespace, tmp_path) as page:
            page.goto(at.address)
            page.get_by_label("Token").fill(at.tokens["anna"])
            page.get_by_label("Token").press("Enter")
            page.get_by_role("button", name="Details of a").click()
            with page.expect_popup() as opening:
                page.get_by_role("button", name="Open a").click()
            tab = opening.value
            expect(tab).to_have_title("of a")
            assert tab.url == f"{at.sets}/s/a/" and tab.evaluate("document.cookie") == ""
            assert tab.evaluate("window.opener") is None
            found = tab.evaluate("(api) => attack(api, ['/s/b/', '/s/c/', '/session'])", at.address)
            assert found == {
                "api": "nothing",
                "api blind": "nothing",
                "ticket": "nothing",
                "/s/b/": 401,
                "/s/c/": 401,
                "/session": 404,
                "worker": "nothing",
            }
            assert rs.info("b").set.name == "b"
            # Somebody else's link is asked about: it would bring their pages beside one's own.
            page.goto(at.link("c", "bob"))
            page.get_by_text("c, a set of bob").wait_for()
            page.goto(f"{at.sets}/s/c/")
            page.get_by_text("this browser has no session of it").wait_for()
            # A link that `rs open` prints counts once.
            link = at.link("b", "anna")
            page.goto("about:blank")
            page.goto(link)
            page.get_by_role("button", name="Open b").click()
            expect(page).to_have_title("of b")
            browser = page.context.browser
            assert browser is not None
            with browser.new_context() as elsewhere:
                again = elsewhere.new_page()
                again.goto(link)
                again.get_by_text("was used, or is too old").wait_for()
        # A host for each: sets that are open in one browser are strangers.
        (tmp_path / "split").mkdir()
        rule = f"--host-resolver-rules=MAP *.lab.test {host}"
        with (
            reached(rs, tmp_path / "split", host, "http://*.lab.test:PORT") as at,
            browser_of(namespace, tmp_path, rule) as page,
        ):
            for name in ("b", "a"):
                page.goto(at.link(name, "anna"))
                expect(page).to_have_title(f"of {name}")
            port = at.sets.rpartition(":")[2]
            other = f"http://{Place('b').label}.lab.test:{port}/s/b/"
            assert page.evaluate("([api, other]) => attack(api, [other, '/s/b/'])", [at.address, other]) == {
                "api": "nothing",
                "api blind": "nothing",
                "ticket": "nothing",
                other: "nothing",
                "/s/b/": 404,
                "worker": "nothing",
            }
            # The tab goes on after a patch and a rollback, and ends with the token.
            rs.patch("a", PatchRequest(ports=["8888"]), Caller("anna"))
            page.reload()
            expect(page).to_have_title("of a")
            rs.rollback("a", 1, Caller("anna"))
            page.reload()
            expect(page).to_have_title("of a")
            at.known.revoke("anna")
            page.reload()
            page.get_by_text("this browser has no session of it").wait_for()
