-- Invitations into projects.

-- name: invite
-- A new invitation.
insert into invitations (id, token, project, role, created_by, expires_at)
values ($1, $2, $3, $4, $5, now() + $6)

-- name: invitations
-- Those of a project that can still be accepted.
select invitations.id, project, role, login as created_by, invitations.created_at, expires_at
from invitations
join users on users.id = created_by
where project = $1
    and accepted_at is null
    and expires_at > now()
order by invitations.id

-- name: withdraw_invitation
-- One that nobody may accept any more.
delete from invitations
where project = $1
    and id = $2
    and accepted_at is null
returning id

-- name: pending_invitation
-- What a token invites to, locked: it is accepted once. Whoever invited must still be allowed to.
select invitations.id, project, invitations.role, created_by
from invitations
join users on users.id = created_by and not is_disabled
where token = $1
    and accepted_at is null
    and expires_at > now()
    and (
        is_system_administrator
        or exists (
            select from memberships
            where memberships.user_id = created_by
                and memberships.project = invitations.project
                and memberships.role = 'administrator'
        )
    )
for update of invitations

-- name: accept_invitation
-- It is used up.
update invitations
set accepted_at = now(),
    accepted_by = $2
where id = $1

-- name: join_project
-- A role in a project, unless there is a higher one already.
insert into memberships (user_id, project, role)
values ($1, $2, $3)
on conflict (user_id, project) do update
set role = excluded.role
where array_position(array['observer', 'viewer', 'operator', 'developer', 'administrator'], memberships.role)
    < array_position(array['observer', 'viewer', 'operator', 'developer', 'administrator'], excluded.role)
