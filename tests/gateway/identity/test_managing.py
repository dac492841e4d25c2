"""Users, members, invitations, keys and the audit log over HTTP: who may what."""

from __future__ import annotations

import hashlib
import json
from http import HTTPStatus
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest

from eopiez_ray.model.access import Role
from eopiez_ray.store import Database
from eopiez_ray.store.audit import AuditFilter
from tests.waiting import until

from .browsing import Site, problem
from .given import PASSWORD, user

NEW = "lindenblatt im regen"
USER = UUID(int=7)
"""Nobody."""
ADMINISTRATION: list[tuple[str, str, dict[str, Any] | None]] = [
    ("GET", "/users", None),
    ("POST", "/users", {"login": "eve"}),
    ("GET", f"/users/{USER}", None),
    ("PUT", f"/users/{USER}", {"is_system_administrator": True, "is_disabled": False}),
    ("POST", f"/users/{USER}/password-reset", None),
    ("DELETE", f"/users/{USER}/sessions", None),
    ("DELETE", f"/users/{USER}/totp", None),
    ("GET", "/audit", None),
    ("GET", "/audit/export", None),
]


@pytest.mark.parametrize(("method", "path", "body"), ADMINISTRATION)
async def test_system_administrators_alone_manage_the_system_v5_0_0_8_2_1(
    site: Site, method: str, path: str, body: dict[str, Any] | None
) -> None:
    _, client = await site.member("anna", Role.ADMINISTRATOR)
    problem(await client.request(method, path, json=body), 403, "forbidden")
    key = (await client.post("/keys", json={"name": "k", "role": "administrator"})).json()["key"]
    problem(await site.visitor(authorization=f"Bearer {key}").request(method, path, json=body), 403, "forbidden")
    problem(await site.visitor().request(method, path, json=body), 401, "unauthenticated")


async def test_a_new_user_gets_a_password_that_works_once_v5_0_0_6_4_1(site: Site) -> None:
    root = await site.administrator()
    made = await root.post("/users", json={"login": "Anna", "email": "anna@example.com"})
    assert made.status_code == HTTPStatus.CREATED, made.text
    given = made.json()
    client = await site.session("anna", given["password"])
    problem(await client.get("/users/profile"), 403, "password-change-needed")
    body = {"password": given["password"], "new_password": NEW}
    assert (await client.post("/users/profile/password", json=body)).status_code == HTTPStatus.OK
    assert await site.session("anna", NEW)
    shown = (await root.get(f"/users/{given['id']}")).json()
    assert shown["email"] == "anna@example.com"
    assert "password" not in shown


@pytest.mark.parametrize("login", ["", "a b", "a/b", "x" * 65, "a\u0000", "<b>", "an\nna"])
async def test_odd_logins_are_refused(site: Site, login: str) -> None:
    root = await site.administrator()
    assert (await root.post("/users", json={"login": login})).status_code == HTTPStatus.UNPROCESSABLE_ENTITY


async def test_a_login_is_taken_in_any_case(site: Site) -> None:
    root = await site.administrator()
    await user(site.services, "anna")
    problem(await root.post("/users", json={"login": "ANNA"}), 409, "exists")
    problem(await root.post("/users", json={"login": "ａｎｎａ"}), 409, "exists")


async def test_users_are_listed_a_page_at_a_time(site: Site) -> None:
    root = await site.administrator()
    for login in ("anna", "ben", "cleo"):
        await user(site.services, login)
    first = (await root.get("/users", params={"limit": 2})).json()
    rest = (await root.get("/users", params={"limit": 2, "cursor": first["next"]})).json()
    assert [each["login"] for each in first["items"] + rest["items"]] == ["anna", "ben", "cleo", "root"]
    found = (await root.get("/users", params={"text": "LE"})).json()["items"]
    assert [each["login"] for each in found] == ["cleo"]
    problem(await root.get("/users", params={"cursor": "WzFd"}), 422, "invalid-cursor")


async def standing(root: httpx.AsyncClient, user_id: object, **changes: Any) -> httpx.Response:
    """Change a user as they were read just now."""
    read = await root.get(f"/users/{user_id}")
    body = {"is_system_administrator": read.json()["is_system_administrator"], "is_disabled": False} | changes
    return await root.put(f"/users/{user_id}", json=body, headers={"If-Match": read.headers["etag"]})


async def test_disabling_holds_on_every_replica_v5_0_0_7_4_2(site: Site, twin: Site) -> None:
    root = await site.administrator()
    anna, client = await site.member("anna", Role.DEVELOPER)
    key = (await client.post("/keys", json={"name": "k", "role": "viewer"})).json()["key"]
    assert (await standing(root, anna, is_disabled=True)).json()["is_disabled"]
    for given in (client.headers["authorization"], f"Bearer {key}"):
        problem(await twin.visitor(authorization=given).get("/workflows"), 401, "unauthenticated")
    body = {"login": "anna", "password": PASSWORD}
    problem(await site.visitor().post("/auth/login", json=body), 401, "unauthenticated")
    assert (await standing(root, anna)).status_code == HTTPStatus.OK
    problem(await client.get("/workflows"), 401, "unauthenticated")
    assert await site.session("anna")


async def test_somebody_always_manages_the_system(site: Site) -> None:
    root = await site.administrator()
    me = (await root.get("/users/profile")).json()["id"]
    problem(await standing(root, me, is_disabled=True), 409, "account-refused")
    problem(await standing(root, me, is_system_administrator=False), 409, "account-refused")
    other = await user(site.services, "ben")
    assert (await standing(root, other, is_system_administrator=True)).status_code == HTTPStatus.OK
    assert (await standing(root, me, is_system_administrator=False)).status_code == HTTPStatus.OK
    problem(await root.get("/users"), 403, "forbidden")


async def test_a_reset_gives_no_lasting_password_and_ends_sessions_v5_0_0_6_4_6(site: Site) -> None:
    root = await site.administrator()
    anna, client = await site.member("anna", Role.VIEWER)
    reset = (await root.post(f"/users/{anna}/password-reset")).json()
    problem(await client.get("/users/profile"), 401, "unauthenticated")
    fresh = await site.session("anna", reset["password"])
    problem(await fresh.get("/users/profile"), 403, "password-change-needed")


async def test_administrators_end_sessions_of_others_v5_0_0_7_4_5(site: Site) -> None:
    root = await site.administrator()
    anna, client = await site.member("anna", Role.VIEWER)
    assert (await root.delete(f"/users/{anna}/sessions")).status_code == HTTPStatus.NO_CONTENT
    problem(await client.get("/users/profile"), 401, "unauthenticated")
    problem(await root.delete(f"/users/{USER}/sessions"), 404, "not-found")


async def test_members_are_managed_by_administrators_of_their_project_v5_0_0_8_4_1(
    site: Site, database: Database
) -> None:
    await database.fetch("insert into projects (name) values ('red')")
    anna, keeper = await site.member("anna", Role.ADMINISTRATOR)
    ben, viewer = await site.member("ben", Role.VIEWER)
    cleo, stranger = await site.member("cleo", Role.ADMINISTRATOR, "red")
    path = f"/projects/default/members/{ben}"
    assert (await keeper.put(path, json={"role": "operator"})).status_code == HTTPStatus.NO_CONTENT
    assert (await viewer.get("/users/profile")).json()["roles"] == {"default": "operator"}
    problem(await viewer.put(path, json={"role": "administrator"}), 403, "forbidden")
    problem(await stranger.put(path, json={"role": "viewer"}), 404, "project-not-found")
    problem(await stranger.get("/projects/default/members"), 404, "project-not-found")
    problem(await stranger.get("/projects/nowhere/members"), 404, "project-not-found")
    problem(await keeper.put(f"/projects/default/members/{cleo}", json={"role": "viewer"}), 404, "not-found")
    problem(await keeper.put(f"/projects/default/members/{USER}", json={"role": "viewer"}), 404, "not-found")
    members = (await viewer.get("/projects/default/members")).json()["items"]
    assert [(each["login"], each["role"]) for each in members] == [("anna", "administrator"), ("ben", "operator")]
    assert (await keeper.delete(path)).status_code == HTTPStatus.NO_CONTENT
    problem(await viewer.get("/projects/default/members"), 404, "project-not-found")
    assert anna


async def test_projects_from_their_creation_to_their_end(site: Site) -> None:
    root = await site.administrator()
    anna, client = await site.member("anna", Role.DEVELOPER)
    made = await root.post("/projects", json={"name": "red", "title": "Red"})
    assert made.status_code == HTTPStatus.CREATED, made.text
    problem(await root.post("/projects", json={"name": "red"}), 409, "exists")
    problem(await root.post("/projects", json={"name": "Not/OK"}), 422, "invalid-parameter")
    assert [each["name"] for each in (await client.get("/projects")).json()["items"]] == ["default"]
    problem(await client.post("/projects", json={"name": "blue"}), 403, "forbidden")
    problem(await client.put("/projects/red", json={"title": "Mine"}), 404, "project-not-found")
    await root.put(f"/projects/red/members/{anna}", json={"role": "administrator"})
    assert (await client.put("/projects/red", json={"title": "Ours"})).json()["title"] == "Ours"
    key = (await client.post("/keys", params={"project": "red"}, json={"name": "k", "role": "viewer"})).json()["key"]
    problem(await client.delete("/projects/red"), 403, "forbidden")
    assert (await root.delete("/projects/red")).status_code == HTTPStatus.NO_CONTENT
    problem(await site.visitor(authorization=f"Bearer {key}").get("/workflows"), 401, "unauthenticated")
    assert (await client.get("/users/profile")).json()["roles"] == {"default": "developer"}
    problem(await root.delete("/projects/red"), 404, "project-not-found")


async def test_an_invitation_is_accepted_once_by_somebody_new(site: Site) -> None:
    _, keeper = await site.member("anna", Role.ADMINISTRATOR)
    made = (await keeper.post("/projects/default/invitations", json={"role": "developer"})).json()
    (pending,) = (await keeper.get("/projects/default/invitations")).json()["items"]
    assert pending["created_by"] == "anna"
    assert "token" not in pending
    body = {"token": made["token"], "login": "ben", "password": NEW}
    problem(await site.visitor().post("/invitations/accept", json=body | {"password": "short"}), 422, "weak-password")
    problem(await site.visitor().post("/invitations/accept", json=body | {"login": "anna"}), 409, "exists")
    accepted = (await site.visitor().post("/invitations/accept", json=body)).json()
    assert (accepted["project"], accepted["role"]) == ("default", "developer")
    ben = await site.session("ben", NEW)
    assert (await ben.get("/users/profile")).json()["roles"] == {"default": "developer"}
    problem(await site.visitor().post("/invitations/accept", json=body | {"login": "cleo"}), 404, "not-found")


async def test_an_invitation_is_accepted_by_somebody_known_and_lowers_no_role(site: Site) -> None:
    _, keeper = await site.member("anna", Role.ADMINISTRATOR)
    _, ben = await site.member("ben", Role.DEVELOPER)
    for role, held in (("viewer", "developer"), ("administrator", "administrator")):
        made = (await keeper.post("/projects/default/invitations", json={"role": role})).json()
        assert (await ben.post("/invitations/accept", json={"token": made["token"]})).status_code == HTTPStatus.OK
        assert (await ben.get("/users/profile")).json()["roles"] == {"default": held}
    made = (await keeper.post("/projects/default/invitations", json={"role": "viewer"})).json()
    problem(await site.visitor().post("/invitations/accept", json={"token": made["token"]}), 401, "unauthenticated")


async def test_an_invitation_falls_with_who_made_it_and_when_withdrawn(site: Site) -> None:
    root = await site.administrator()
    anna, keeper = await site.member("anna", Role.ADMINISTRATOR)
    first, second = [
        (await keeper.post("/projects/default/invitations", json={"role": "administrator"})).json() for _ in range(2)
    ]
    withdrawn = await keeper.delete(f"/projects/default/invitations/{first['id']}")
    assert withdrawn.status_code == HTTPStatus.NO_CONTENT
    await root.put(f"/projects/default/members/{anna}", json={"role": "viewer"})
    for made in (first, second):
        body = {"token": made["token"], "login": "eve", "password": NEW}
        problem(await site.visitor().post("/invitations/accept", json=body), 404, "not-found")


@pytest.mark.parametrize("token", ["", "nonsense", "eopiez_invitation_" + "a" * 49, "eopiez_key_" + "a" * 49])
async def test_without_an_invitation_no_login_is_probed_v5_0_0_6_3_8(site: Site, token: str) -> None:
    await user(site.services, "anna")
    for login in ("anna", "nobody"):
        body = {"token": token, "login": login, "password": NEW}
        problem(await site.visitor().post("/invitations/accept", json=body), 404, "not-found")


async def test_a_key_is_shown_once_and_has_at_most_its_makers_role_v5_0_0_8_2_1(site: Site) -> None:
    _, client = await site.member("anna", Role.OPERATOR)
    made = await client.post("/keys", json={"name": "nightly", "role": "operator"})
    assert made.status_code == HTTPStatus.CREATED, made.text
    key = made.json()["key"]
    problem(await client.post("/keys", json={"name": "more", "role": "developer"}), 403, "forbidden")
    problem(
        await client.post("/keys", params={"project": "red"}, json={"name": "red", "role": "viewer"}),
        404, "project-not-found",
    )  # fmt: skip
    listed = await client.get("/keys")
    assert key not in listed.text
    assert key.startswith(listed.json()["items"][0]["prefix"])
    assert (await site.visitor(authorization=f"Bearer {key}").get("/workflows")).status_code == HTTPStatus.OK


async def test_a_key_changes_no_account(site: Site) -> None:
    """Who finds a key does not get more than the key: no session, other key, password or second factor."""
    _, client = await site.member("anna", Role.ADMINISTRATOR)
    key = (await client.post("/keys", json={"name": "k", "role": "administrator"})).json()["key"]
    finder = site.visitor(authorization=f"Bearer {key}")
    assert (await finder.get("/users/profile")).status_code == HTTPStatus.OK
    for method, path, body in (
        ("POST", "/keys", {"name": "more", "role": "viewer"}),
        ("GET", "/keys", None),
        ("GET", "/users/sessions", None),
        ("POST", "/users/sessions/end", {"password": PASSWORD}),
        ("POST", "/users/profile/totp", {"password": PASSWORD}),
        ("PUT", "/users/profile", {"display_name": "Eve"}),
        ("POST", "/projects/default/invitations", {"role": "administrator"}),
    ):
        problem(await finder.request(method, path, json=body), 403, "forbidden")
    change = {"password": PASSWORD, "new_password": NEW}
    problem(await finder.post("/users/profile/password", json=change), 409, "account-refused")


async def test_administrators_of_a_project_revoke_its_keys(site: Site) -> None:
    _, anna = await site.member("anna", Role.DEVELOPER)
    _, keeper = await site.member("ben", Role.ADMINISTRATOR)
    _, viewer = await site.member("cleo", Role.VIEWER)
    root = await site.administrator()
    made = (await anna.post("/keys", json={"name": "k", "role": "viewer"})).json()
    assert (await viewer.get("/keys")).json()["items"] == []
    problem(await viewer.delete(f"/keys/{made['id']}"), 404, "not-found")
    assert [each["login"] for each in (await keeper.get("/keys")).json()["items"]] == ["anna"]
    assert [each["login"] for each in (await root.get("/keys")).json()["items"]] == ["anna"]
    assert (await keeper.delete(f"/keys/{made['id']}")).status_code == HTTPStatus.NO_CONTENT
    holder = site.visitor(authorization=f"Bearer {made['key']}")
    problem(await holder.get("/workflows"), 401, "unauthenticated")


async def test_the_audit_log_is_searched_and_paged(site: Site) -> None:
    root = await site.administrator()
    for login in ("anna", "ben", "cleo"):
        await root.post("/users", json={"login": login})
    first = (await root.get("/audit", params={"action": "user.create", "limit": 2})).json()
    rest = (await root.get("/audit", params={"action": "user.create", "limit": 2, "cursor": first["next"]})).json()
    logins = [row["details"]["login"] for row in first["items"] + rest["items"]]
    assert logins == ["cleo", "ben", "anna"]
    since = {"since": first["items"][0]["at"]}
    assert [row["details"]["login"] for row in (await root.get("/audit", params=since)).json()["items"]] == ["cleo"]
    assert (await root.get("/audit", params={"actor": "nobody"})).json()["items"] == []
    for moment in ("yesterday", "2026-01-01T00:00:00"):
        problem(await root.get("/audit", params={"since": moment}), 422, "invalid-request")


async def test_the_audit_log_is_exported_whole(site: Site) -> None:
    root = await site.administrator()
    await root.post("/users", json={"login": "anna"})
    rows = [json.loads(line) for line in (await root.get("/audit/export")).text.splitlines()]
    assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
    assert all(row["previous"] == before["hash"] for before, row in pairwise(rows))
    assert [row["action"] for row in rows] == ["session.create", "user.create", "audit.export"]
    for row in rows:
        facts = [value for name, value in row.items() if name not in {"previous", "hash"}]
        text = json.dumps(facts, sort_keys=True, separators=(",", ":"))
        assert hashlib.sha256(bytes.fromhex(row["previous"]) + text.encode()).hexdigest() == row["hash"]


async def test_changes_of_workflows_are_in_the_audit_log(site: Site) -> None:
    _, client = await site.member("anna", Role.OPERATOR)
    plan = {"plan": "lengths", "steps": {"words": {"values": ["a", "bcd"]}}}
    made = await client.post("/workflows", json={"plan": plan})
    assert made.status_code == HTTPStatus.ACCEPTED, made.text
    await client.delete(f"/workflows/{made.json()['id']}")
    await client.post("/auth/logout")
    rows = [row.entry for row in await site.services.audit.page(AuditFilter(actor="anna"))]
    assert [row.action for row in reversed(rows)] == [
        "session.create", "create_workflow", "cancel_workflow", "session.end",
    ]  # fmt: skip
    assert rows[1].object == made.json()["id"]


async def test_no_answer_holds_a_hash_or_a_secret_v5_0_0_8_2_3(site: Site, database: Database) -> None:
    root = await site.administrator()
    anna, client = await site.member("anna", Role.ADMINISTRATOR)
    await client.post("/keys", json={"name": "k", "role": "viewer"})
    answers = [
        await root.get("/users"), await root.get(f"/users/{anna}"), await client.get("/keys"),
        await client.get("/users/profile"), await client.get("/users/sessions"), await root.get("/audit"),
        await client.get("/projects/default/members"),
    ]  # fmt: skip
    text = " ".join(answer.text for answer in answers)
    assert "argon2" not in text
    for row in await database.fetch("select encode(secret, 'hex') as secret from api_keys"):
        assert row["secret"] not in text


async def test_administrators_erase_data_of_their_project_alone(site: Site, database: Database) -> None:
    await database.fetch("insert into projects (name) values ('red')")
    _, keeper = await site.member("anna", Role.ADMINISTRATOR)
    _, developer = await site.member("ben", Role.DEVELOPER)
    _, stranger = await site.member("cleo", Role.ADMINISTRATOR, "red")
    path = "/projects/default/erasures"
    for body in ({"scope": "project"}, {"scope": "subject", "value": "anna@example.com"}):
        for place in (path, f"{path}/preview"):
            problem(await developer.post(place, json=body), 403, "forbidden")
            problem(await stranger.post(place, json=body), 404, "project-not-found")
    problem(await stranger.get(path), 404, "project-not-found")
    problem(await keeper.post(path, json={"scope": "workflow", "workflow": str(uuid4())}), 404, "workflow-not-found")
    problem(await keeper.post(path, json={"scope": "project", "value": "anna"}), 422, "invalid-parameter")
    problem(await keeper.post(path, json={"scope": "subject"}), 422, "invalid-parameter")
    mine, other = await _workflow(database, "default"), await _workflow(database, "red")
    problem(await keeper.post(path, json={"scope": "workflow", "workflow": other}), 404, "workflow-not-found")
    seen = (await keeper.post(f"{path}/preview", json={"scope": "project"})).json()
    assert (seen["workflows"], seen["at_work_count"]) == ([mine], 0)
    begun = await keeper.post(path, json={"scope": "subject", "value": "telling NAME"})
    assert begun.status_code == HTTPStatus.ACCEPTED, begun.text
    assert (begun.json()["workflows"], begun.json()["requested_by"]) == (1, "anna")

    async def is_gone() -> bool:
        (view,) = (await keeper.get(path)).json()["items"]
        return view["finished_at"] is not None and view["counts"]["workflows"] == 1

    await until(is_gone)
    assert [str(row["id"]) for row in await database.fetch("select id from workflows")] == [other]
    actions = {row["action"] for row in await database.fetch("select action from audit where project = 'default'")}
    assert actions >= {"erasure.begin", "erasure.complete"}


async def _workflow(database: Database, project: str) -> str:
    """A workflow that has ended; its name tells of somebody."""
    await database.fetch("insert into plans (digest, spec) values ('d', '{\"steps\": []}') on conflict do nothing")
    (row,) = await database.fetch(
        "insert into workflows (id, project, name, plan, status, finished_at)"
        " values (gen_random_uuid(), $1, 'Telling name', 'd', 'cancelled', now()) returning id",
        project,
    )
    return str(row["id"])
