"""Limits and weights of a system elsewhere."""

from __future__ import annotations

import pytest

from eopiez_ray.client.credentials import FixedToken
from eopiez_ray.client.remote import AsyncRemote
from eopiez_ray.client.signing_in import sign_in
from eopiez_ray.client.transport import Transport
from eopiez_ray.errors import ForbiddenError, ParameterError
from eopiez_ray.model.limits import LimitKey, LimitKind, Owner
from tests.gateway.identity.given import PASSWORD, user

from .site import Site

LABEL = LimitKey(LimitKind.LABEL, "team=red/blue 100 %", "default")


async def test_an_administrator_sets_what_others_see(site: Site) -> None:
    await user(site.app.state.system.identity, "root", administrator=True)
    async with Transport(site.url) as visitor:
        tokens, _ = await sign_in(visitor, "root", PASSWORD)
    async with AsyncRemote(Transport(site.url, FixedToken(tokens.access_token))) as root, site.client() as anna:
        await root.limit(*LABEL[:2], 4, project="default")
        await root.limit("owner", "ben", 0)
        await root.weigh("anna", 2.5)
        await root.weigh_project("default", 3)
        assert [(each.key, each.maximum) for each in await anna.limits()] == [(LABEL, 4)]
        rules = await anna.rules()
        assert (dict(rules.weights), dict(rules.project_weights)) == ({Owner("default", "anna"): 2.5}, {"default": 3.0})
        assert len(await root.limits()) == 2
        with pytest.raises(ForbiddenError):
            await anna.limit("owner", "ben", None)
        with pytest.raises(ParameterError, match="key=value"):
            await root.limit("label", "team", 4)
        await root.limit(*LABEL[:2], None, project="default")
        assert await anna.limits() == []
