"""What the client does when connections break, gateways are busy or restarted, and tokens end."""

from __future__ import annotations

import asyncio
import base64
import os
import sys
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx
import pyarrow as pa
import pytest

import eopiez_ray as ez
from eopiez_ray.client.contexts import Context, Contexts, TokensInContext
from eopiez_ray.client.credentials import FixedToken, Session, Tokens, TokensInMemory
from eopiez_ray.client.patience import Patience
from eopiez_ray.client.remote import AsyncRemote
from eopiez_ray.client.signing_in import exchange, sign_in
from eopiez_ray.client.transport import Call, Transport
from eopiez_ray.client.uploading import upload
from eopiez_ray.errors import (
    ForbiddenError,
    GatewayError,
    GatewayUnavailableError,
    NotSignedInError,
    ParameterError,
    TooManyRequestsError,
)
from eopiez_ray.model.access import Role
from eopiez_ray.settings import Settings
from tests.engine.inline import InlineExecutor
from tests.gateway.identity.given import PASSWORD, member
from tests.waiting import wait_until

from .breaking import DOWN, UP, wire
from .serving import Gateway, key_of
from .site import Site

if TYPE_CHECKING:
    pass

SHORT = Patience(total_s=0.3)


@ez.phase(version="1")
def noise(size: int) -> bytes:
    return os.urandom(size)


@ez.phase(version="1")
def table(word: str) -> pa.Table:
    return pa.table({"word": [word]})


@ez.phase(version="1")
def length(word: str) -> int:
    return len(word)


def lengths(*words: str) -> ez.Plan:
    plan = ez.Plan("lengths")
    plan.step("length", length, plan.values("words", words))
    return plan


async def test_an_upload_goes_on_where_its_connection_broke(site: Site, tmp_path: Path) -> None:
    path = tmp_path / "letters.csv"
    path.write_bytes(os.urandom(20 * 2**20))
    told: list[int] = []
    cuts = (UP, 3 * 2**20), (UP, 11 * 2**20), (DOWN, 0)
    async with wire(site.url, *cuts) as (url, way), site.transport(url) as transport:
        made = await upload(transport, path, None, lambda done, _: told.append(done))
    view = await site.app.state.system.uploads.get(UUID(made))
    assert view.completed_at is not None
    assert site.app.state.system.files.path_of(view).read_bytes() == path.read_bytes()
    assert (told[-1], way.cuts) == (20 * 2**20, [])
    assert told == sorted(told)


async def test_parts_become_as_small_as_the_gateway_wants_them(site: Site, tmp_path: Path) -> None:
    object.__setattr__(site.app.state.system.settings, "gateway_part_bytes", 2**20)
    path = tmp_path / "letters.csv"
    path.write_bytes(os.urandom(9 * 2**20 + 1))
    async with site.transport() as transport:
        made = await upload(transport, path, None)
    view = await site.app.state.system.uploads.get(UUID(made))
    assert site.app.state.system.files.path_of(view).read_bytes() == path.read_bytes()


async def test_a_download_goes_on_where_its_connection_broke(site: Site) -> None:
    site.stage.orchestrate()
    plan = ez.Plan("noise")
    plan.step("noise", noise, plan.values("sizes", [2 * 2**20]))
    async with site.client() as remote:
        workflow = await (await remote.start(plan)).wait(150)
        (whole,) = await workflow.result("noise")
    async with wire(site.url, (DOWN, 3000), (DOWN, 300_000), (DOWN, 900_000)) as (url, way), site.client(url) as remote:
        again = await (await remote.workflow(str(workflow.id))).result("noise")
        assert (again, way.cuts) == ([whole], [])


async def test_a_follower_misses_nothing_and_sees_nothing_twice(site: Site) -> None:
    executor = InlineExecutor(site.stage.folder)
    executor.gate.clear()
    site.stage.orchestrate(executor)
    async with (
        wire(site.url, (DOWN, 700), (DOWN, 800), (DOWN, 900), (DOWN, 400)) as (url, way),
        site.client(url) as far,
    ):
        async with site.client() as near:
            workflow = await near.start(lengths("a", "bcd"))
        followed = await far.workflow(str(workflow.id))
        seen = []
        async for message in followed.follow():
            seen.append(message)
            executor.gate.set()
        events = await followed.events()
    assert [message.id for message in seen if message.id is not None] == [event.id for event in events]
    assert (events[-1].kind, way.cuts) == ("succeeded", [])


async def test_who_cannot_be_streamed_to_asks_again_and_again(site: Site) -> None:
    """Some proxies hold streams back until they end, or answer something else."""
    site.stage.orchestrate()
    inner = httpx.AsyncHTTPTransport()

    class Holding(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            if "event-stream" in request.headers.get("accept", ""):
                return httpx.Response(200, html="<p>please wait</p>")
            return await inner.handle_async_request(request)

    async with AsyncRemote(Transport(site.url, FixedToken(site.key), transport=Holding())) as remote:
        workflow = await remote.start(lengths("a"))
        kinds = [message.kind async for message in workflow.follow()]
    await inner.aclose()
    assert (kinds[0], kinds[-1]) == ("created", "succeeded")


async def test_a_new_workflow_is_made_once_though_its_answer_is_lost(site: Site) -> None:
    async with wire(site.url, (DOWN, 0), (DOWN, 5)) as (url, way), site.client(url) as remote:
        workflow = await remote.start(lengths("a"))
        assert way.opened == 3
        assert [view.id for view in await remote.workflows()] == [workflow.id]
    assert site.moody.seen.count("POST /workflows") == 3


async def test_what_might_happen_twice_is_not_sent_twice(site: Site) -> None:
    async with site.client() as remote:
        workflow = await remote.start(lengths("a"))
        await workflow.cancel()
    async with wire(site.url, (DOWN, 0)) as (url, _), site.client(url) as remote:
        with pytest.raises(GatewayUnavailableError, match="look before you ask again"):
            await (await _handle(remote, workflow.id)).retry()
    assert site.moody.seen.count(f"POST /workflows/{workflow.id}/retry") == 1
    site.moody.answers = [503]
    async with site.client() as remote:
        with pytest.raises(GatewayUnavailableError):
            await (await _handle(remote, workflow.id)).retry()
    assert site.moody.seen.count(f"POST /workflows/{workflow.id}/retry") == 2


async def _handle(remote: AsyncRemote, workflow: Any) -> Any:
    from eopiez_ray.client.workflow import AsyncRemoteWorkflow

    return AsyncRemoteWorkflow(remote._transport, workflow)


async def test_a_busy_gateway_is_asked_again_and_not_for_ever(site: Site) -> None:
    async with site.client() as remote:
        site.moody.answers = [429, 503, 502, 504]
        workflow = await remote.start(lengths("a"))
        site.moody.answers = [503, 429]
        assert (await workflow.view()).name == "lengths"
    async with site.client(patience=SHORT) as remote:
        site.moody.answers = [429] * 1000
        with pytest.raises(TooManyRequestsError) as caught:
            await remote.workflows()
        assert isinstance(caught.value.__cause__, GatewayError)
        assert caught.value.__cause__.status == 429
        site.moody.answers = [500]
        with pytest.raises(GatewayError) as failed:
            await remote.workflows()
        assert (failed.value.status, failed.value.type) == (500, "urn:eopiez:problem:busy")


async def test_what_does_not_answer_is_said_to_be_away() -> None:
    async with AsyncRemote(Transport("http://127.0.0.1:9", patience=SHORT)) as remote:
        with pytest.raises(GatewayUnavailableError, match="cannot be reached"):
            await remote.workflows()


@pytest.mark.parametrize(
    "url", ["", "example.com", "ftp://example.com", "http://", "http://a:b@example.com", "http://h:x"]
)
def test_what_is_no_url_of_a_gateway_is_refused(url: str) -> None:
    with pytest.raises(ParameterError):
        ez.connect(url or " ", "key")


async def test_operators_send_documents_where_they_may_not_send_code(site: Site) -> None:
    await member(site.app.state.system.identity, "ben", Role.OPERATOR)
    key = await key_of(site.url, "ben", Role.OPERATOR)
    async with AsyncRemote(Transport(site.url, FixedToken(key))) as remote:
        plan = ez.Plan("known")
        plan.values("words", ["a"])
        assert (await (await remote.start(plan)).view()).owner == "ben/tests"
        with pytest.raises(ForbiddenError, match="role developer"):
            await remote.start(lengths("a"))


async def test_registered_plans_are_started_by_name(site: Site) -> None:
    plan = ez.Plan("noise", priority=4)
    plan.step("noise", noise, plan.values("sizes", [1]))
    code = {digest: base64.b64encode(each).decode() for digest, each in plan.code().items()}
    body = {"spec": plan.spec().to_value(), "code": code, "priority": 4}
    async with site.transport() as transport:
        await transport.json(Call(method="PUT", path="plans/noise", body=body))
    async with site.client() as remote:
        workflow = await remote.start_registered("noise", labels={"run": "first"}, idempotency_key="once")
        again = await remote.start_registered("noise", labels={"run": "first"}, idempotency_key="once")
        assert again.id == workflow.id
        with pytest.raises(ParameterError):
            await remote.start_registered("noise", {"no": 1})
        with pytest.raises(GatewayError, match="there is no"):
            await remote.start_registered("no such")


async def test_tables_come_in_the_form_that_is_wanted(site: Site) -> None:
    site.stage.orchestrate()
    plan = ez.Plan("tables")
    words = plan.values("words", ["a", "bcd"])
    plan.step("table", table, words)
    plan.step("length", length, words)
    async with site.client() as remote:
        workflow = await (await remote.start(plan)).wait(150)
        made = await workflow.result("table", as_="arrow")
        assert made.to_pylist() == [{"word": "a"}, {"word": "bcd"}]
        assert await workflow.result("table", as_="json") == [[{"word": "a"}], [{"word": "bcd"}]]
        assert await workflow.result("length", as_="json") == [1, 3]
        with pytest.raises(ParameterError, match="are no tables"):
            await workflow.result("length", as_="arrow")
        with pytest.raises(ParameterError, match="choose value"):
            await workflow.result("table", as_="xml")  # type: ignore[arg-type]


async def test_a_package_that_is_not_there_is_named(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.stage.orchestrate()
    monkeypatch.setitem(sys.modules, "polars", None)  # As if it were not installed, if it is.
    plan = ez.Plan("tables")
    plan.step("table", table, plan.values("words", ["a"]))
    async with site.client() as remote:
        workflow = await (await remote.start(plan)).wait(150)
        with pytest.raises(ParameterError, match="pip install polars"):
            await workflow.result("table", as_="polars")


async def session(site: Site, tokens: Tokens) -> tuple[AsyncRemote, list[str]]:
    """A system reached by a session, and the refresh tokens that it has used."""
    used: list[str] = []

    async def renew(token: str) -> Tokens:
        used.append(token)
        async with Transport(site.url) as visitor:
            return await exchange(visitor, token)

    return AsyncRemote(Transport(site.url, Session(TokensInMemory(tokens), renew))), used


async def test_tokens_are_renewed_once_however_many_requests_find_them_expired(site: Site) -> None:
    async with Transport(site.url) as visitor:
        tokens, _ = await sign_in(visitor, "anna", PASSWORD)
    stale = Tokens(
        "ey.not.any-more", tokens.refresh_token, tokens.expires_at
    )  # Refused, though the clock says it holds.
    remote, used = await session(site, stale)
    async with remote:
        pages = await asyncio.gather(*(remote.workflows() for _ in range(10)))
    assert (pages, used) == ([[]] * 10, [tokens.refresh_token])


async def test_a_token_is_renewed_before_it_ends(site: Site) -> None:
    async with Transport(site.url) as visitor:
        tokens, _ = await sign_in(visitor, "anna", PASSWORD)
    remote, used = await session(site, Tokens(tokens.access_token, tokens.refresh_token, 0.0))
    async with remote:
        await remote.workflows()
        await remote.workflows()
    assert len(used) == 1


async def test_an_ended_session_says_how_to_sign_in_again(site: Site) -> None:
    remote, _ = await session(site, Tokens("ey.no", "eopr_no", 0.0))
    async with remote:
        with pytest.raises(NotSignedInError):
            await remote.workflows()


async def test_programs_that_share_a_session_do_not_end_it(site: Site, tmp_path: Path) -> None:
    """A refresh token that is used twice ends its session, so only one of them may use each."""
    async with Transport(site.url) as visitor:
        tokens, _ = await sign_in(visitor, "anna", PASSWORD)
    contexts = Contexts(tmp_path / "config")
    contexts.put(Context("here", site.url, "anna", tokens=Tokens("ey.no", tokens.refresh_token, tokens.expires_at)))

    async def renew(token: str) -> Tokens:
        async with Transport(site.url) as visitor:
            return await exchange(visitor, token)

    programs = [Session(TokensInContext(Contexts(tmp_path / "config"), contexts.get("here")), renew) for _ in range(5)]
    transports = [Transport(site.url, each) for each in programs]
    assert (
        await asyncio.gather(*(each.get("workflows") for each in transports))
        == [{"items": [], "next": None, "count": None}] * 5
    )
    for each in transports:
        await each.close()
    assert site.moody.seen.count("POST /auth/refresh") == 1
    assert (contexts.folder / "contexts.json").stat().st_mode & 0o777 == 0o600


def test_a_restarted_gateway_is_waited_for(local: ez.Local) -> None:
    gateway = Gateway(Settings(home=local.settings.home))
    gateway.run(member(gateway.services, "dora"))
    key = asyncio.run(key_of(gateway.url, "dora"))
    with ez.connect(gateway.url, key) as remote:
        workflow = remote.submit(lengths("a"))
        workflow.pause()
        held = remote.submit(lengths("b"))
        ended = threading.Thread(target=partial(held.wait, 60))
        gateway.stop()
        ended.start()
        gateway.start()
        ended.join()
        assert held.status == "succeeded"
        wait_until(lambda: workflow.status.is_at_rest)
    gateway.stop()
