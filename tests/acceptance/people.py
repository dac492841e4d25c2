"""The people of the stories, and the system that they share."""

from __future__ import annotations

import json
from collections.abc import Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from tests.gateway.test_supervision import PASSWORD, System, eopiez
from tests.waiting import wait_until

ENDED = {"succeeded", "failed", "cancelled", "quarantined"}


@dataclass
class Person:
    """Somebody who is signed in."""

    name: str
    client: httpx.Client
    workflow: str = ""
    """What they have started last."""
    begun: dict[str, Any] = field(default_factory=dict)
    """What a story remembers of them."""

    def view(self) -> dict[str, Any]:
        """Their workflow as it is now."""
        answer = self.client.get(f"/workflows/{self.workflow}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def ended(self) -> dict[str, Any]:
        """Their workflow once it has ended."""
        wait_until(lambda: self.view()["status"] in ENDED)
        return self.view()

    def items(self, path: str, **query: Any) -> list[dict[str, Any]]:
        """A list of the system's."""
        answer = self.client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        found: list[dict[str, Any]] = answer.json()["items"]
        return found

    def start(self, path: str, body: dict[str, Any], project: str) -> None:
        """Start something, which is then their workflow."""
        answer = self.client.post(path, json=body, params={"project": project})
        assert answer.status_code == 202, answer.text
        self.workflow = answer.json()["id"]


class SignedIn(httpx.Auth):
    """Signs in by name and password, and again when that has run out."""

    requires_response_body = True

    def __init__(self, url: str, login: str, password: str) -> None:
        self._signing_in = httpx.Request("POST", f"{url}/auth/login", json={"login": login, "password": password})
        self._token = "none-yet"

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self._token}"
        answer = yield request
        if answer.status_code == 401:
            signed = yield self._signing_in
            self._token = signed.json()["access_token"]
            request.headers["Authorization"] = f"Bearer {self._token}"
            yield request


class Town:
    """A system with the people who use it."""

    def __init__(self, system: System, folder: Path) -> None:
        self.system, self.folder = system, folder
        self.url = f"{system.url}/v1"
        self.people: dict[str, Person] = {}
        self._first_tokens: dict[str, str] = {}

    @property
    def administrator(self) -> Person:
        """The system's administrator, who signs in for the first time unless a story has told of that."""
        if "admin" not in self.people:
            self.people["admin"] = self.signed_in("admin", self.first_password())
        return self.people["admin"]

    def first_password(self) -> str:
        """The password that was left for the administrator."""
        return (self.system.home / "first-password").read_text().strip()

    def project(self, name: str) -> None:
        """Make a project, unless it is there."""
        answer = self.administrator.client.post("/projects", json={"name": name, "title": name.title()})
        assert answer.status_code in {201, 409}, answer.text

    def invite(self, name: str, project: str, role: str) -> str:
        """Make a user, and give the password that works once."""
        made = eopiez(self.system.home, "users", "create", name, "--role", f"{project}={role}", "--json")
        assert made.returncode == 0, made.stderr
        return str(json.loads(made.stdout)["password"])

    def person(self, name: str, project: str = "", role: str = "") -> Person:
        """Somebody, who is invited and signs in when they are first named."""
        if name not in self.people:
            self.project(project)
            self.people[name] = self.signed_in(name, self.invite(name, project, role))
        return self.people[name]

    def first_token(self, name: str, password: str) -> str:
        """What a password that works once is worth: it allows to choose another."""
        if name not in self._first_tokens:
            answer = httpx.post(f"{self.url}/auth/login", json={"login": name, "password": password}, timeout=60)
            assert answer.status_code == 200, answer.text
            self._first_tokens[name] = answer.json()["access_token"]
        return self._first_tokens[name]

    def signed_in(self, name: str, first_password: str) -> Person:
        """Somebody who signs in, and chooses a password."""
        own = f"{PASSWORD} {uuid4()}"
        bearer = {"Authorization": f"Bearer {self.first_token(name, first_password)}"}
        change = {"password": first_password, "new_password": own}
        answer = httpx.post(f"{self.url}/users/profile/password", json=change, headers=bearer, timeout=60)
        assert answer.status_code == 200, answer.text
        signed = SignedIn(self.url, name, own)
        return Person(name, httpx.Client(base_url=self.url, auth=signed, timeout=60, follow_redirects=True))

    def close(self) -> None:
        """Let everybody go."""
        for person in self.people.values():
            person.client.close()
