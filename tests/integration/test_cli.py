"""The command line: publishing, watching, status, and how it fails."""

import json
import signal

import pytest

from harness.cli import Cli
from harness.client import Client, event, make_filter
from harness.sample_events import THE_TWO, sample_events
from harness.tls import Certificate
from harness.waiting import DEADLINE


@pytest.fixture
def cli(broker):
    return Cli(broker)


def lines_of(text):
    return [json.loads(line) for line in text.splitlines()]


def start_watch(cli, *arguments):
    """A watch that has begun."""
    process = cli.start("watch", *arguments)
    line = process.stderr.readline()
    assert "watching" in line, line
    return process


def finish(process, code=0):
    out, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == code, errors
    return out


# --- Publishing ---


@pytest.mark.core
def test_publish_prints_the_position_and_watch_shows_the_event(cli, client, kind):
    watch = start_watch(cli, f"{kind}.*.*", "--json", "--positions", "--count", "1")
    out, _ = cli.run("publish", "--type", kind, "--action", "save", "--key", "k 1", "--object",
                     '{"n": 1.10}', "--original", "[]", "--time", "2017-12-21T23:26:43.5Z")
    position = out.strip()
    assert finish(watch) == (
        f'{{"Time":"2017-12-21T23:26:43.5Z","Type":"{kind}","Action":"save","Key":"k 1",'
        f'"Principal":"rocketskates","Object":{{"n": 1.10}},"Original":[],'
        f'"Position":"{position}"}}\n')


def test_objects_may_come_from_files(cli, client, kind, tmp_path):
    (tmp_path / "object.json").write_text('{"a":\n1}')
    watch = client.watch(make_filter(type=kind)).begun()
    cli.run("publish", "--type", kind, "--action", "a", "--object", f"@{tmp_path}/object.json",
            "--principal", "fred")
    (seen,) = watch.take_events(1)
    assert (seen.object, seen.principal) == (b'{"a":\n1}', "fred")
    watch.cancel()


def test_the_same_event_id_gives_the_same_position(cli, kind):
    first, again = (cli.run("publish", "--type", kind, "--action", "a", "--event-id", kind)[0]
                    for _ in range(2))
    assert first == again


@pytest.mark.parametrize("arguments, code, word", [
    (["--type", "t"], 2, "--action"),
    (["--type", "t", "--action", "a", "--object", "{"], 1, "object"),
    (["--type", "t\n", "--action", "a"], 1, "type"),
    (["--type", "t", "--action", "a", "--object", "@/nonexistent"], 2, "/nonexistent"),
    (["--type", "t", "--action", "a", "--time", "yesterday"], 2, "yesterday"),
    (["--file", "/nonexistent"], 2, "/nonexistent"),
    (["--type", "t", "--file", "-"], 2, "--file"),
    (["--batch", "0", "--file", "-"], 2, "--batch"),
])
def test_what_cannot_be_published_is_told(cli, arguments, code, word):
    out, errors = cli.run("publish", *arguments, code=code)
    assert out == ""
    assert word in errors


def test_an_event_larger_than_a_request_is_refused_by_its_line_and_the_others_go_in(cli, client, kind, tmp_path):
    def line(key, size=10):
        return json.dumps({"Type": kind, "Action": "a", "Key": key, "Object": "x" * size}) + "\n"

    file = tmp_path / "events.jsonl"
    file.write_text("".join(line(str(i), 5_000_000 if i == 500 else 10) for i in range(1000)))
    _, errors = cli.run("publish", "--file", file, code=1)
    assert f"{file}:501: larger than the broker takes, see its --request-bytes-max" in errors
    out, _ = cli.run("watch", f"{kind}.*.*", "--from-start", "--count", "999", "--json")
    assert [e["Key"] for e in lines_of(out)] == [str(i) for i in range(1000) if i != 500]


@pytest.mark.parametrize("source", ["file", "stdin"])
def test_a_file_of_events_goes_in_and_comes_out_verbatim(start_broker, source, tmp_path):
    cli = Cli(start_broker())
    events = sample_events(1000)
    text = "".join(e.line() + "\n" for e in events)
    file = tmp_path / "events.jsonl"
    file.write_text(text)
    watch = start_watch(cli, "*.*.*", "--json", "--count", "1000")
    if source == "file":
        cli.run("publish", "--file", file, "--batch", "7")
    else:
        cli.run("publish", "--file", "-", input=text)
    assert finish(watch).split("\n") == [e.line("rocketskates") for e in events] + [""]


def test_bad_lines_are_told_by_number_and_the_others_go_in(cli, client, kind):
    watch = client.watch(make_filter(type=kind)).begun()
    good = json.dumps({"Type": kind, "Action": "a", "Key": "good", "Object": None})
    bad = json.dumps({"Type": kind, "Action": "a\n", "Key": "bad"})
    _, errors = cli.run("publish", "--file", "-", code=1,
                        input=f"{good}\nnonsense\n\n{bad}\n{good}")
    assert "2" in errors and "4" in errors
    last = client.publish(event(kind, key="last"))[-1]
    assert [e.key for e in watch.take_until(last.position)] == ["good", "good", "last"]
    watch.cancel()


def test_a_misspelt_member_is_told_and_what_watch_printed_goes_in_again(cli, client, kind):
    position = client.publish(event(kind))[-1].position
    line, _ = cli.run("watch", f"{kind}.*.*", "--from-start", "--json", "--positions", "--count",
                      "1")
    wrong = json.dumps({"Type": kind, "Action": "a", "Keys": "k"})
    _, errors = cli.run("publish", "--file", "-", code=1, input=f"{wrong}\n{line}")
    assert 'stdin:1: "Keys"' in errors and "Key," in errors
    out, _ = cli.run("watch", f"{kind}.*.*", "--json", "--after", position, "--count", "1")
    assert json.loads(out)["Type"] == kind


@pytest.mark.parametrize("arguments", [
    ["status"], ["status", "--json"], ["users", "list"], ["users", "token", "rocketskates"],
    ["roles", "list"], ["publish", "--type", "{kind}", "--action", "a"],
    ["watch", "{kind}.*.*", "--from-start"], ["bench", "publish", "--count", "1"]])
def test_a_result_that_cannot_be_written_is_a_failure(cli, client, kind, arguments):
    client.publish(event(kind))
    with open("/dev/full", "w") as full:
        process = cli.start(*(a.format(kind=kind) for a in arguments), stdout=full)
    _, errors = process.communicate(timeout=DEADLINE)
    assert process.returncode == 1
    assert "cannot write to stdout" in errors and "No space left" in errors


def test_an_empty_file_is_published_well(cli):
    cli.run("publish", "--file", "-", input="")


# --- Watching ---


def test_watch_begins_where_it_is_told(cli, client, kind):
    positions = [r.position for r in client.publish(*(event(kind, key=str(i)) for i in range(5)))]
    out, _ = cli.run("watch", f"{kind}.*.*", "--json", "--from-start", "--count", "5")
    assert [e["Key"] for e in lines_of(out)] == list("01234")
    out, _ = cli.run("watch", f"{kind}.*.*", "--json", "--after", positions[2], "--count", "2")
    assert [e["Key"] for e in lines_of(out)] == ["3", "4"]
    assert "Position" not in lines_of(out)[0]


def test_watch_shows_lines_for_people(cli, client, kind):
    client.publish(event(kind, "save", "k\u00e91", object=b'{"text": "a\\u0007b"}'))
    out, _ = cli.run("watch", f"{kind}.*.*", "--from-start", "--count", "1")
    assert len(out.splitlines()) == 1
    for word in (kind, "save", "k\u00e91", "rocketskates", '{"text":'):
        assert word in out


def test_watch_takes_conditions(cli, client, kind):
    client.publish(*(event(kind, key=str(i), object=b'{"n": %d, "s": "x%d"}' % (i, i))
                     for i in range(10)))
    out, _ = cli.run("watch", f"{kind}.*.*", "--json", "--from-start", "--count", "2",
                     "--where", "/n >= 3", "--where", "/s ^= x", "--where", "/n != 4")
    assert [e["Key"] for e in lines_of(out)] == ["3", "5"]


@pytest.mark.parametrize("arguments, word", [
    (["a.b"], "type.action.key"), ([], "FILTER"), (["*.*.*", "--where", "nonsense"], "nonsense"),
    (["*.*.*", "--count", "0"], "--count"),
    (["*.*.*", "--after", "x", "--from-start"], "--from-start"), (["*.*.*", "--nonsense"],
                                                                  "--nonsense")])
def test_a_watch_that_makes_no_sense_is_told(cli, arguments, word):
    _, errors = cli.run("watch", *arguments, code=2)
    assert word in errors


def test_a_position_that_is_not_in_the_log_has_an_exit_code_of_its_own(cli):
    _, errors = cli.run("watch", "*.*.*", "--after", "AAAAAAAAAAAAAAAA", code=5)
    assert "--from-start" in errors


def test_a_watch_that_is_interrupted_says_so_by_its_exit_code(cli, kind):
    watch = start_watch(cli, f"{kind}.*.*", "--count", "1")
    watch.send_signal(signal.SIGINT)
    finish(watch, code=130)


def test_a_watch_goes_on_when_the_broker_is_back(start_broker):
    broker = start_broker()
    watch = start_watch(Cli(broker), "*.*.*", "--json", "--count", "20")
    for round in range(2):
        client = Client(broker)
        client.publish(*(event(key=f"{round}.{i}") for i in range(10)))
        client.close()
        broker.kill()
        broker.start()
    assert [e["Key"] for e in lines_of(finish(watch))] == \
        [f"{round}.{i}" for round in range(2) for i in range(10)]


# --- Status, and failing ---


def test_status_shows_the_broker(cli, client):
    out, _ = cli.run("status")
    assert client.broker.address in out and "rocketskates" in out
    status = json.loads(cli.run("status", "--json")[0])
    assert status["logId"] == client.status().log_id
    assert status["principal"] == "rocketskates"


@pytest.mark.parametrize("command", [["status"], ["watch", "*.*.*"], ["users", "list"],
                                     ["publish", "--type", "t", "--action", "a"],
                                     ["publish", "--file", "-"], ["bench", "publish"],
                                     ["bench", "watch", "--count", "1"]])
def test_every_command_tells_why_it_does_not_get_in(broker, command, tmp_path, certificate):
    _, errors = Cli(broker, user="rocketskates:wrong-password").run(*command, code=4)
    assert "--user" in errors
    unreachable = type("At", (), {"address": "127.0.0.1:1", "certificate": certificate})()
    _, errors = Cli(unreachable).run(*command, code=3)
    assert "127.0.0.1:1" in errors and "--broker" in errors


def test_a_certificate_that_is_not_trusted_is_told(broker, tmp_path):
    cli = Cli(broker)
    cli.environment["CARILLON_CA"] = str(Certificate(tmp_path).cert)
    _, errors = cli.run("status", code=3)
    assert "--ca" in errors


def test_what_is_not_allowed_is_told_with_the_claim(broker, user, kind):
    one = user(("events", "post", "nothing"))
    cli = Cli(broker, user=None, CARILLON_TOKEN=one.token)
    _, errors = cli.run("publish", "--type", kind, "--action", "a", code=4)
    assert "events" in errors and "post" in errors and kind in errors
    assert one.token not in errors


def test_help_and_version_are_there_for_every_command(cli):
    out, _ = cli.run("--help")
    for word in ("publish", "watch", "users", "roles", "status", "bench", "Exit codes", "130"):
        assert word in out
    assert "0.1.0" in cli.run("--version")[0]
    for command in (["publish"], ["watch"], ["users", "token"], ["roles", "put"], ["status"],
                    ["bench", "publish"], ["bench", "watch"]):
        assert "Usage" in cli.run(*command, "--help")[0]
    assert "--help" in cli.run(code=2)[1]
    assert "--help" in cli.run("publsh", code=2)[1]


def test_credentials_may_come_from_flags_files_and_the_config_file_in_order_of_strength(
        broker, client, user, tmp_path):
    one, two = user(("a", "b", "c")), user(("a", "b", "c"))
    (tmp_path / "token").write_text(two.token + "\n")
    (tmp_path / "token").chmod(0o600)
    config = tmp_path / "carillon.toml"
    config.write_text(f'broker = "{broker.address}"\nca = "{broker.certificate.cert}"\n'
                      f'token = "{one.token}"\n')
    config.chmod(0o600)

    def who(cli, *flags):
        return json.loads(cli.run("status", "--json", *flags)[0])["principal"]

    home = Cli(broker, user=None, XDG_CONFIG_HOME=str(tmp_path))
    del home.environment["CARILLON_BROKER"], home.environment["CARILLON_CA"]
    assert who(home) == one.name
    home.environment["CARILLON_TOKEN"] = two.token
    assert who(home) == two.name
    assert who(home, "--config", config) == one.name
    home.environment["CARILLON_USER"] = "rocketskates:r0cketsk8ts"
    assert who(home, "--config", config) == one.name
    del home.environment["CARILLON_USER"]
    home.environment["CARILLON_TOKEN_FILE"] = "/nonexistent"
    assert who(home, "--user", "rocketskates:r0cketsk8ts") == "rocketskates"
    _, errors = home.run("status", "--user", "", code=4)
    assert "--user" in errors
    del home.environment["CARILLON_TOKEN_FILE"]
    assert who(home, "--token-file", tmp_path / "token") == two.name
    assert who(home, "--user", "rocketskates:r0cketsk8ts") == "rocketskates"
    config.write_text("nonsense = 1\nbroker = 5\n")
    _, errors = home.run("status", "--config", config, code=2)
    assert "nonsense" in errors


def test_a_secret_in_a_mistyped_option_is_not_printed(cli):
    for arguments in (["--usr=fred:secret", "status"], ["status", "--tokn=secret"],
                      ["users", "list", "--nothing-like-it=secret"]):
        out, errors = cli.run(*arguments, code=2)
        assert "secret" not in out + errors
        assert arguments[-1 if arguments[0] != "--usr=fred:secret" else 0].split("=")[0] in errors


def test_an_empty_value_is_not_the_next_argument(cli, client, kind):
    watch = client.watch(make_filter(type=kind)).begun()
    cli.run("publish", f"--type={kind}", "--action=a", "--key=", '--object={"a":1}')
    (seen,) = watch.take_events(1)
    assert (seen.key, seen.object) == ("", b'{"a":1}')
    watch.cancel()


def test_every_error_of_the_settings_is_told_at_once(broker):
    cli = Cli(broker)
    _, errors = cli.run("--broker", "nonsense:port:x", "--ca", "/nonexistent", "--token", "x",
                        "--user", "a:b", "status", code=2)
    assert "/nonexistent" in errors
    assert "--token" in errors


def test_the_two_well_known_events_come_through_the_command_line(start_broker):
    broker = start_broker()
    cli = Cli(broker)
    cli.run("publish", "--file", "-", input="".join(e.line() + "\n" for e in THE_TWO))
    out, _ = cli.run("watch", "*.*.*", "--json", "--from-start", "--count", "2")
    assert out.splitlines() == [e.frame("rocketskates") for e in THE_TWO]


@pytest.mark.parametrize(("arguments", "answer"), [
    (["publsh", "--type", "t"], "publsh: no such command: did you mean publish?"),
    (["users", "tokn"], "tokn: no such command: did you mean token?"),
    (["xyzzy"], "xyzzy: no such command: there are publish, watch, users"),
    (["watch", "*.*.*", "--jsn"], "--jsn: no such option: did you mean --json?"),
])
def test_a_slip_of_the_fingers_is_understood(cli, arguments, answer):
    _, errors = cli.run(*arguments, code=2)
    assert answer in errors
