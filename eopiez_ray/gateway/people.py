"""What users, sessions, keys and the audit log look like on the wire."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Self
from uuid import UUID

from pydantic import BaseModel, Field, SecretStr, StrictBool

from ..model.access import Role
from ..model.audit import Outcome
from .bodies import ViewBody
from .representation import Body

if TYPE_CHECKING:
    from ..model.accounts import UserView
    from ..model.audit import Link
    from .identity.signing_in import SignedIn

Password = Annotated[SecretStr, Field(max_length=10_000, examples=["a long sentence that only you know"])]
Code = Annotated[
    SecretStr | None,
    Field(default=None, max_length=100, description="Of the second factor, or a recovery code.", examples=["123456"]),
]
Email = Annotated[str | None, Field(default=None, max_length=255, examples=["anna@example.com"])]
DisplayName = Annotated[str, Field(default="", max_length=100, examples=["Anna"])]
Lifetime = Annotated[int | None, Field(default=None, ge=60, le=10 * 366 * 86400)]


class LoginBody(Body):
    """Who signs in."""

    login: str = Field(max_length=200, examples=["anna"])
    password: Password
    code: Code = None
    cookie: StrictBool = Field(default=False, description="For browsers: a cookie instead of tokens in the answer.")


class SignedInBody(BaseModel):
    """A session, with its tokens unless a cookie was asked for."""

    session: UUID
    login: str
    must_change_password: bool = Field(description="Nothing else is allowed before.")
    token_type: str = "Bearer"  # noqa: S105 - the kind of token (RFC 6750)
    access_token: str | None = None
    expires_in: int | None = Field(default=None, description="Seconds for which the access token holds.")
    refresh_token: str | None = Field(default=None, description="Gives the next two, once.")

    @classmethod
    def of(cls, signed_in: SignedIn, expires_in: int) -> Self:
        """A session as it was started or renewed."""
        has_tokens = bool(signed_in.access_token)
        return cls(
            session=signed_in.session_id, login=signed_in.login, must_change_password=signed_in.must_change_password,
            access_token=signed_in.access_token or None, refresh_token=signed_in.refresh_token or None,
            expires_in=expires_in if has_tokens else None,
        )  # fmt: skip


class RefreshBody(Body):
    """A refresh token."""

    refresh_token: SecretStr = Field(max_length=200)


class ProofBody(Body):
    """What somebody who is signed in shows again, before something sensitive."""

    password: Password = SecretStr("")
    code: Code = None


class NewPasswordBody(ProofBody):
    """The present password, and the next one."""

    new_password: Password


class UserBody(ViewBody):
    """A user."""

    id: UUID
    login: str
    email: str | None
    display_name: str
    time_zone: str
    default_project: str | None
    is_system_administrator: bool
    is_disabled: bool
    must_change_password: bool
    has_password: bool = Field(description="False for those who sign in with their identity provider alone.")
    has_totp: bool = Field(description="Whether they have a second factor.")
    created_at: datetime
    last_login_at: datetime | None


class ProfileBody(UserBody):
    """The caller."""

    roles: dict[str, Role] = Field(description="By project.", examples=[{"default": "developer"}])

    @classmethod
    def of(cls, view: UserView, roles: dict[str, Role]) -> Self:
        """The caller as seen by themselves."""
        return cls(**UserBody.model_validate(view).model_dump(), roles=roles)


class ProfileChangeBody(Body):
    """What users say of themselves. Another address needs the password as well."""

    display_name: DisplayName = ""
    email: Email = None
    time_zone: str = Field(default="UTC", max_length=64, examples=["Europe/Zurich"])
    default_project: str | None = Field(default=None, max_length=255)
    password: Password | None = None
    code: Code = None


class SessionBody(ViewBody):
    """A session that holds."""

    id: UUID
    user_agent: str
    address: str
    created_at: datetime
    last_seen_at: datetime
    idle_until: datetime
    expires_at: datetime
    is_current: bool = False


class SessionsBody(BaseModel):
    """Sessions, the newest first."""

    items: list[SessionBody]


class SecretBody(BaseModel):
    """The secret of a second factor, to be confirmed by a code."""

    secret: str
    address: str = Field(description="For a QR code.", examples=["otpauth://totp/eopiez:anna?secret=…&issuer=eopiez"])


class ConfirmationBody(Body):
    """A code that the app shows."""

    code: SecretStr = Field(max_length=20, examples=["123456"])


class CodesBody(BaseModel):
    """Recovery codes, shown once."""

    codes: list[str]


class NewKeyBody(Body):
    """An API key to create."""

    name: str = Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f/]+$", examples=["nightly"])
    role: Role = Field(description="At most the caller's own.")
    expires_in_s: Lifetime = Field(default=90 * 86400, description="Null for a key that holds until it is revoked.")


class KeyBody(ViewBody):
    """An API key, without its secret."""

    id: UUID
    login: str
    project: str
    name: str
    role: Role
    prefix: str = Field(description="How it begins.")
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None = Field(description="To the minute.")


class ShownKeyBody(BaseModel):
    """A new API key, shown once."""

    id: UUID
    project: str
    name: str
    role: Role
    key: str = Field(description="Send it as `Authorization: Bearer …`.")
    expires_at: datetime | None


class NewUserBody(Body):
    """A user to create."""

    login: str = Field(min_length=1, max_length=64, examples=["anna"])
    email: Email = None
    display_name: DisplayName = ""
    is_system_administrator: StrictBool = False


class InitialPasswordBody(BaseModel):
    """A password that works once, and has to be changed then."""

    id: UUID
    login: str
    password: str
    expires_at: datetime


class StandingBody(Body):
    """What system administrators decide of a user."""

    display_name: DisplayName = ""
    email: Email = None
    is_system_administrator: StrictBool
    is_disabled: StrictBool


class ProjectBody(ViewBody):
    """A project."""

    name: str
    title: str
    created_at: datetime


class ProjectsBody(BaseModel):
    """Projects, by name."""

    items: list[ProjectBody]


class NewProjectBody(Body):
    """A project to create."""

    name: str = Field(max_length=255, description="Lower-case letters, digits and hyphens.", examples=["research"])
    title: str = Field(default="", max_length=255)


class TitleBody(Body):
    """How people call a project."""

    title: str = Field(max_length=255)


class MemberBody(ViewBody):
    """A member of a project."""

    user_id: UUID
    login: str
    display_name: str
    role: Role


class RoleBody(Body):
    """A role in a project."""

    role: Role


class NewInvitationBody(Body):
    """An invitation to make."""

    role: Role
    expires_in_s: int = Field(default=7 * 86400, ge=60, le=90 * 86400)


class InvitationBody(ViewBody):
    """An invitation that nobody has accepted yet."""

    id: UUID
    project: str
    role: Role
    created_by: str
    created_at: datetime
    expires_at: datetime


class InvitationsBody(BaseModel):
    """Invitations, oldest first."""

    items: list[InvitationBody]


class ShownInvitationBody(BaseModel):
    """A new invitation, whose token is shown once."""

    id: UUID
    project: str
    role: Role
    token: str


class AcceptanceBody(Body):
    """An invitation to accept; with a login and a password by somebody new."""

    token: SecretStr = Field(max_length=200)
    login: str | None = Field(default=None, max_length=64)
    password: Password | None = None
    email: Email = None
    display_name: DisplayName = ""


class AcceptedBody(BaseModel):
    """A membership."""

    user_id: UUID
    project: str
    role: Role


class AuditRowBody(BaseModel):
    """A row of the audit log."""

    seq: int
    at: datetime
    actor: str = Field(description="The login; with a key, its name follows: `anna/nightly`.")
    actor_id: UUID | None
    action: str
    object: str
    project: str
    address: str
    result: Outcome
    request_id: str
    details: dict[str, str]
    previous: str = Field(description="The hash of the row before.")
    hash: str

    @classmethod
    def of(cls, link: Link) -> Self:
        """A row as kept."""
        return cls(**link.to_value())


class JwkBody(BaseModel):
    """A public key (RFC 8037)."""

    kty: str
    crv: str
    alg: str
    use: str
    kid: str
    x: str


class JwksBody(BaseModel):
    """The keys that verify access tokens."""

    keys: list[JwkBody]
