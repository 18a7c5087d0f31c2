"""Many events in by the command line, and out of the command line and of websockets."""

import subprocess

import pytest

from clients.adapters.websocket_client import WebsocketClient
from harness.client import basic, event, make_filter
from harness.programs import ACCOUNT_TEXT, BIN, clean_environment
from harness.sample_events import THE_TWO, sample_events
from harness.waiting import DEADLINE

COUNT = 1500


@pytest.fixture(scope="module")
def carillon(broker):
    """Starts the command line with what it needs to find the broker and be let in."""
    environment = clean_environment(
        CARILLON_BROKER=broker.address, CARILLON_CA=str(broker.certificate.cert),
        CARILLON_USER=ACCOUNT_TEXT)

    def start(*arguments, **options):
        return subprocess.Popen([str(BIN / "carillon"), *map(str, arguments)], env=environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)

    return start


def finish(process, text=None):
    """Exit code, stdout and stderr."""
    out, err = process.communicate(text and text.encode(), timeout=3 * DEADLINE)
    return process.returncode, out.decode(), err.decode()


def watching(carillon, *arguments):
    """A watch that is known to have begun: what is published from now on will come."""
    watch = carillon("watch", *arguments)
    line = watch.stderr.readline()
    assert b": watching " in line, line
    return watch


@pytest.fixture
def websocket(facade):
    one = WebsocketClient(facade, "", {"Authorization": basic(ACCOUNT_TEXT)}, None)
    yield one.register("*.*.*")
    one.drop()


@pytest.mark.parametrize("source, batch", [("file", 1), ("file", 256), ("stdin", 10_000)])
def test_a_file_of_varied_events_comes_out_whole_and_in_order(
        carillon, websocket, tmp_path, source, batch):
    samples = sample_events(COUNT if batch > 1 else 100, seed=batch)
    lines = [sample.line() for sample in samples]
    text = "".join(line + "\n" for line in lines)
    watch = watching(carillon, "*.*.*", "--json", "--count", len(samples))
    if source == "file":
        (tmp_path / "events.jsonl").write_bytes(text.encode())
        publish = carillon("publish", "--file", tmp_path / "events.jsonl", "--batch", batch)
        code, _, err = finish(publish)
    else:
        publish = carillon("publish", "--file", "-", "--batch", batch, stdin=subprocess.PIPE)
        code, _, err = finish(publish, text)
    assert code == 0 and f"{len(samples):,} events acknowledged" in err, err

    expected = [sample.line("rocketskates") for sample in samples]
    assert websocket.take(len(samples)) == expected
    code, out, _ = finish(watch)
    assert code == 0
    assert out.split("\n") == [*expected, ""]


def test_the_log_gives_the_same_lines_again(carillon, client, kind):
    positions = client.publish(*(event(kind, key=str(i), object=b"[%d]" % i) for i in range(20)))
    live = finish(carillon("watch", f"{kind}.*.*", "--json", "--from-start", "--count", 20))
    after = finish(carillon("watch", f"{kind}.*.*", "--json", "--count", 10,
                            "--after", positions[9].position))
    assert live[0] == after[0] == 0
    assert live[1].splitlines()[10:] == after[1].splitlines() and len(live[1].splitlines()) == 20


def test_line_breaks_within_an_object_that_came_over_grpc_become_spaces(carillon, client, kind):
    watch = watching(carillon, f"{kind}.*.*", "--json", "--count", 2)
    client.publish(event(kind, object=b'{\r\n "a":\t1\n}'), event(kind, key="last"))
    code, out, _ = finish(watch)
    assert code == 0
    first, last, rest = out.split("\n")
    assert '"Object":{   "a":\t1 }' in first and '"Key":"last"' in last and rest == ""


def test_one_event_by_flags_comes_to_the_byte(carillon, websocket, client):
    sample = THE_TWO[0]
    code, out, err = finish(carillon(
        "publish", "--type", sample.type, "--action", sample.action, "--key", sample.key,
        "--object", sample.object, "--time", sample.time))
    assert code == 0, err
    assert out.strip() == client.status().latest_position
    assert websocket.next_text() == sample.frame("rocketskates")


def test_a_bad_line_is_reported_with_its_number_and_the_others_go_in(carillon, client, kind):
    good = [f'{{"Type":"{kind}","Action":"a","Key":"{i}"}}' for i in range(3)]
    bad = [good[0], "nonsense", good[1], good[2].replace('"a"', '"a\\u0000"'), good[2]]
    watch = client.watch(make_filter(type=kind)).begun()
    code, _, err = finish(carillon("publish", "--file", "-", stdin=subprocess.PIPE),
                          "\n".join(bad) + "\n")
    assert code == 1
    assert "2" in err and "4" in err and "3 events acknowledged" in err and "2 refused" in err
    assert [e.key for e in watch.take_events(3)] == ["0", "1", "2"]
    watch.cancel()


def test_a_granted_token_lets_a_websocket_in_and_shows_what_it_covers(
        carillon, facade, client, kind):
    code, out, err = finish(carillon("users", "token", "rocketskates", "ttl", "600", "scope", kind,
                                     "action", "save", "specific", "*"))
    assert code == 0, err
    websocket = WebsocketClient(facade, f"?Token={out.strip()}", {}, None).register("*.*.*")
    client.publish(event("other", "save"), event(kind, "create"), event(kind, "save", "seen"))
    assert websocket.next()["Key"] == "seen"
    websocket.drop()
