"""The command line: users, roles and tokens."""

import json
import os
import pty
import signal
import termios

import grpc
import pytest

from harness.cli import Cli
from harness.client import Client, basic, bearer, event, make_filter, refused
from harness.waiting import DEADLINE, wait_until

PASSWORD = "correct horse battery"


@pytest.fixture
def cli(broker):
    return Cli(broker)


def test_a_user_is_made_changed_shown_and_deleted(cli, client, kind, tmp_path):
    (tmp_path / "password").write_text(PASSWORD + "\n")
    (tmp_path / "password").chmod(0o600)
    cli.run("roles", "put", kind, "--claim", f"{kind}.*.*", "--claim", r"events.post.a\1b,c")
    cli.run("users", "create", kind, "--roles", kind, "--password-file", tmp_path / "password")
    shown = json.loads(cli.run("users", "get", kind, "--json")[0])
    assert (shown["Name"], shown["Roles"]) == (kind, [kind])
    assert kind in cli.run("users", "get", kind)[0]

    login = Client(client.broker, basic(f"{kind}:{PASSWORD}"))
    assert login.status().principal == kind
    cli.run("users", "password", kind, "--password-file", "-", input="another password\n")
    with refused(grpc.StatusCode.UNAUTHENTICATED):
        login.status()
    login.close()

    cli.run("users", "set-roles", kind, "superuser,", kind)
    listed = [json.loads(line) for line in cli.run("users", "list", "--json")[0].splitlines()]
    assert next(u for u in listed if u["Name"] == kind)["Roles"] == ["superuser", kind]
    for arguments, roles in ((["--roles", kind], [kind]), (["--no-roles"], [])):
        cli.run("users", "set-roles", kind, *arguments)
        assert json.loads(cli.run("users", "get", kind, "--json")[0])["Roles"] == roles
    cli.run("users", "delete", kind)
    assert kind not in [json.loads(line)["Name"]
                        for line in cli.run("users", "list", "--json")[0].splitlines()]
    _, errors = cli.run("users", "get", kind, code=1)
    assert kind in errors


def test_roles_are_listed_with_their_claims(cli, kind):
    cli.run("roles", "put", kind, "--claim", f"{kind}.save,update.*")
    roles = [json.loads(line) for line in cli.run("roles", "list", "--json")[0].splitlines()]
    assert next(r for r in roles if r["Name"] == kind)["Claims"] == [
        {"Scope": kind, "Action": "save,update", "Specific": "*"}]
    assert "save,update" in cli.run("roles", "list")[0]
    cli.run("roles", "put", kind, "--no-claims")
    assert "(no claims)" in cli.run("roles", "list")[0]
    cli.run("roles", "delete", kind)
    assert kind not in cli.run("roles", "list")[0]


@pytest.mark.parametrize("style", ["words", "flags"])
def test_a_token_is_granted_in_the_words_of_old(cli, client, user, kind, style):
    one = user((kind, "*", "*"))
    words = ["ttl", "600", "scope", kind, "action", "save", "specific", "a"]
    if style == "flags":
        words = [f"--{w}" if i % 2 == 0 else w for i, w in enumerate(words)]
    token = cli.run("users", "token", one.name, *words)[0].strip()
    narrow = Client(client.broker, bearer(token))
    assert narrow.status().principal == one.name
    watch = narrow.watch(make_filter(type=kind)).begun()
    last = client.publish(event(kind, "save", "a"), event(kind, "save", "b"),
                          event(kind, "create", "a"))[-1]
    assert [(e.action, e.key) for e in watch.take_until(last.position)] == [("save", "a")]
    narrow.close()

    granted = json.loads(cli.run("users", "token", one.name, "--json")[0])
    assert granted["Token"] and granted["Expires"].endswith("Z")
    cli.run("users", "revoke", one.name)
    late = Client(client.broker, bearer(granted["Token"]))
    with refused(grpc.StatusCode.UNAUTHENTICATED):
        late.status()
    late.close()


@pytest.mark.parametrize("arguments, code, word", [
    (["users", "create", "x:y", "--no-password"], 1, "name"),
    (["users", "create", "{n}", "--no-password", "--roles", "no-such-role"], 1, "role"),
    (["users", "create", "{n}"], 2, "password"),
    (["users", "create", "rocketskates", "--no-password"], 1, "already"),
    (["users", "delete", "nobody"], 1, "nobody"),
    (["users", "token", "nobody"], 1, "nobody"),
    (["users", "token", "rocketskates", "ttl"], 2, "ttl"),
    (["users", "token", "rocketskates", "ttl", "soon"], 2, "soon"),
    (["users", "token", "rocketskates", "colour", "blue"], 2, "colour"),
    (["roles", "put", "r", "--claim", "a.b"], 2, "a.b"),
    (["roles", "put", "r"], 2, "--no-claims"),
    (["roles", "put", "r", "--claim", "a.b.c", "--no-claims"], 2, "--no-claims"),
    (["users", "set-roles", "rocketskates"], 2, "--no-roles"),
    (["users", "set-roles", "rocketskates", "superuser", "--no-roles"], 2, "--no-roles"),
    (["roles", "delete", "superuser"], 1, "role"),
    (["users"], 2, "--help"),
])
def test_mistakes_are_told(cli, kind, arguments, code, word):
    out, errors = cli.run(*(a.format(n=kind) for a in arguments), code=code)
    assert out == ""
    assert word in errors


def test_an_interrupt_at_the_password_prompt_ends_it_and_leaves_the_terminal_as_it_was(cli, kind):
    ours, theirs = pty.openpty()
    process = cli.start("users", "create", kind, stdin=theirs)
    wait_until(lambda: not termios.tcgetattr(theirs)[3] & termios.ECHO, "echo is off")
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert termios.tcgetattr(theirs)[3] & termios.ECHO
    os.close(ours)
    os.close(theirs)


def test_the_last_superuser_stays(start_broker):
    _, errors = Cli(start_broker()).run("users", "delete", "rocketskates", code=1)
    assert "*.*.*" in errors


def test_what_a_user_may_not_do_is_told_with_the_claim(broker, user):
    one = user(("a", "b", "c"))
    _, errors = Cli(broker, user=None, CARILLON_TOKEN=one.token).run("users", "list", code=4)
    assert "users" in errors and "list" in errors
