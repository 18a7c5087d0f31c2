"""Users, roles and tokens: the rules of their management."""

import grpc
import pytest

from harness.client import Client, basic, bearer, refused
from harness.contract import account_pb

PASSWORD = "correct horse battery"


def get_user(client, name):
    return client.call(client.accounts.GetUser, account_pb.GetUserRequest(name=name)).user


def list_users(client, **options):
    return client.call(client.accounts.ListUsers, account_pb.ListUsersRequest(**options))


def list_roles(client, **options):
    return client.call(client.accounts.ListRoles, account_pb.ListRolesRequest(**options))


def delete_role(client, name):
    client.call(client.accounts.DeleteRole, account_pb.DeleteRoleRequest(name=name))


def test_a_user_is_created_once_and_shown_as_created(client, kind):
    created = client.create_user(kind, "superuser", password=PASSWORD).user
    assert (created.name, list(created.roles)) == (kind, ["superuser"])
    assert created.create_time.seconds > 0
    assert get_user(client, kind) == created
    with refused(grpc.StatusCode.ALREADY_EXISTS):
        client.create_user(kind)
    client.delete_user(kind)
    with refused(grpc.StatusCode.NOT_FOUND):
        get_user(client, kind)


BAD_NAMES = ["", "x" * 129, "a:b", "a,b", "a\nb", " a", "a "]


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_names_are_refused(client, name):
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as caught:
        client.create_user(name)
    assert caught.details.field == "name"
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as caught:
        client.put_role(name)
    assert caught.details.field == "role.name"


@pytest.mark.parametrize("password", ["x" * 7, "x" * 1025])
def test_passwords_are_of_8_to_1024_bytes(client, kind, password):
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as caught:
        client.create_user(kind, password=password)
    assert caught.details.field == "password"
    with refused(grpc.StatusCode.INVALID_ARGUMENT):
        client.set_password("rocketskates", password)


def test_a_user_gets_existing_roles_only(client, kind):
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as caught:
        client.create_user(kind, "superuser", "no-such-role")
    assert caught.details.field == "roles[1]"
    assert '"no-such-role"' in caught.details.message
    client.create_user(kind)
    with refused(grpc.StatusCode.INVALID_ARGUMENT):
        client.set_roles(kind, "no-such-role")
    for call in (lambda: client.set_roles("nobody", "superuser"),
                 lambda: client.set_password("nobody", PASSWORD),
                 lambda: client.revoke("nobody"), lambda: client.delete_user("nobody"),
                 lambda: client.token("nobody")):
        with refused(grpc.StatusCode.NOT_FOUND, "ACCOUNT_NOT_FOUND"):
            call()


def test_lists_come_in_pages_in_the_order_of_names(client, kind):
    names = [f"{kind}-{i:02}" for i in range(7)]
    for name in reversed(names):
        client.create_user(name)
        client.put_role(name, ("a", "b", "c"))
    for list_page, entries in ((list_users, "users"), (list_roles, "roles")):
        found, token = [], ""
        while True:
            page = list_page(client, page_size=3, page_token=token)
            assert len(getattr(page, entries)) <= 3
            found += [entry.name for entry in getattr(page, entries)]
            token = page.next_page_token
            if not token:
                break
        assert found == sorted(found)
        assert [n for n in found if n.startswith(kind)] == names
    with refused(grpc.StatusCode.INVALID_ARGUMENT):
        list_users(client, page_size=-1)
    with refused(grpc.StatusCode.INVALID_ARGUMENT):
        list_users(client, page_token="!")


def test_a_role_that_a_user_has_cannot_be_deleted(client, kind):
    client.put_role(kind, ("a", "b", "c"))
    client.create_user(kind, kind)
    with refused(grpc.StatusCode.FAILED_PRECONDITION, "ROLE_IN_USE"):
        delete_role(client, kind)
    client.delete_user(kind)
    delete_role(client, kind)
    with refused(grpc.StatusCode.NOT_FOUND):
        delete_role(client, kind)


@pytest.mark.parametrize("claim", [("", "*", "*"), ("*", "", "*"), ("*", "*", ""),
                                   ("a,,b", "*", "*"), ("a" * 4097, "*", "*")])
def test_bad_claims_are_refused(client, kind, claim):
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as caught:
        client.put_role(kind, ("*", "*", "*"), claim)
    assert caught.details.field.startswith("role.claims[1]")


def test_someone_always_holds_all_rights(start_broker):
    client = Client(start_broker())
    for attempt in (lambda: client.delete_user("rocketskates"),
                    lambda: client.set_roles("rocketskates"),
                    lambda: client.put_role("superuser", ("a", "b", "c"))):
        with refused(grpc.StatusCode.FAILED_PRECONDITION, "LAST_SUPERUSER"):
            attempt()
    client.create_user("second", "superuser")
    client.delete_user("rocketskates")
    client.close()


# Each call with the claim it needs.
NEEDS = {
    "create": (("users", "create", "{n}-new"), lambda c, n: c.create_user(f"{n}-new")),
    "get": (("users", "get", "{n}"), get_user),
    "list users": (("users", "list", "*"), lambda c, n: list_users(c)),
    "update": (("users", "update", "{n}"), lambda c, n: c.set_roles(n)),
    "password": (("users", "password", "{n}"), lambda c, n: c.set_password(n, PASSWORD)),
    "revoke": (("users", "revoke", "{n}"), lambda c, n: c.revoke(n)),
    "token": (("users", "token", "{n}"), lambda c, n: c.token(n)),
    "delete": (("users", "delete", "{n}"), lambda c, n: c.delete_user(n)),
    "put": (("roles", "put", "{n}"), lambda c, n: c.put_role(n)),
    "list roles": (("roles", "list", "*"), lambda c, n: list_roles(c)),
    "delete role": (("roles", "delete", "{n}-role"), lambda c, n: delete_role(c, f"{n}-role")),
}


@pytest.mark.parametrize("call", NEEDS)
def test_each_call_needs_its_claim_and_no_more(client, user, kind, call):
    claim, run = NEEDS[call]
    claim = tuple(part.format(n=kind) for part in claim)
    client.create_user(kind)
    client.put_role(f"{kind}-role")
    scope, action, specific = claim
    near = user((scope, action + "x", specific), ("x" + scope, action, specific),
                *([(scope, action, specific + "x")] if specific != "*" else []))
    with refused(grpc.StatusCode.PERMISSION_DENIED, "CLAIM_MISSING") as caught:
        run(near.client, kind)
    assert dict(caught.details.info.metadata) == dict(zip(("scope", "action", "specific"), claim))
    run(user(claim).client, kind)


def test_what_someone_grants_they_hold_themselves(client, user, kind):
    admin = user(("users", "*", "*"), ("roles", "*", "*"), (kind, "save", "*")).client
    admin.put_role(f"{kind}-mine", (kind, "save", "a"))
    for claim in ((kind, "*", "*"), ("*", "*", "*"), ("events", "post", "*")):
        with refused(grpc.StatusCode.PERMISSION_DENIED, "CLAIM_MISSING"):
            admin.put_role(f"{kind}-more", claim)
    admin.create_user(f"{kind}-a", f"{kind}-mine")
    with refused(grpc.StatusCode.PERMISSION_DENIED, "CLAIM_MISSING"):
        admin.create_user(f"{kind}-b", "superuser")
    with refused(grpc.StatusCode.PERMISSION_DENIED, "CLAIM_MISSING"):
        admin.set_roles(f"{kind}-a", "superuser")


def test_a_user_needs_no_claim_for_a_token_of_their_own(user):
    one = user(("a", "b", "c"))
    other = user(("a", "b", "c"))
    again = Client(one.client.broker, bearer(one.client.token(one.name)))
    assert again.status().principal == one.name
    again.close()
    with refused(grpc.StatusCode.PERMISSION_DENIED, "CLAIM_MISSING"):
        one.client.token(other.name)


@pytest.mark.parametrize("ttl, good", [(1, True), (0, False), (-5, False), (366 * 86_400, True),
                                       (367 * 86_400, False)])
def test_a_token_lives_from_a_second_to_the_longest_life(client, kind, ttl, good):
    client.create_user(kind)
    if good:
        assert client.token(kind, ttl_seconds=ttl)
        return
    with refused(grpc.StatusCode.INVALID_ARGUMENT) as caught:
        client.token(kind, ttl_seconds=ttl)
    assert caught.details.field == "ttl"


@pytest.mark.core
def test_accounts_and_tokens_survive_a_restart(start_broker):
    broker = start_broker()
    client = Client(broker)
    client.put_role("reader", ("machines", "*", "*"))
    client.create_user("fred", "reader", password=PASSWORD)
    token = client.token("fred")
    revoked = client.user_with("ann", ("*", "*", "*"))
    client.revoke("ann")
    client.create_user("gone")
    client.delete_user("gone")
    before = [list_users(client), list_roles(client)]
    client.close()
    broker.restart()
    for authorization in (basic(f"fred:{PASSWORD}"), bearer(token)):
        again = Client(broker, authorization)
        assert again.status().principal == "fred"
        again.close()
    client = Client(broker)
    assert [list_users(client), list_roles(client)] == before
    late = Client(broker, bearer(revoked))
    with refused(grpc.StatusCode.UNAUTHENTICATED):
        late.status()
    client.close()
    late.close()
