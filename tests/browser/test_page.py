"""A web page that connects, registers and shows events."""

import json

import pytest

from browser.chromium import Page
from browser.conftest import PAGES
from clients.samples import to_event
from harness.client import event
from harness.programs import ACCOUNT_TEXT
from harness.sample_events import THE_TWO, sample_events

# Made from the key in the manifest.
EXTENSION = "chrome-extension://jhdmgajpjpdpkplekklpieiedfheckcm"


@pytest.fixture
def url(facade):
    """With the default account, as people write it."""
    return f"{facade.ws_url}?token={ACCOUNT_TEXT}"


def test_a_page_shows_the_two_well_known_events_to_the_byte(page, url, client):
    page.connect(url).register("profiles.*.*")
    client.publish(*(to_event(s) for s in THE_TWO))
    assert page.events(2) == [s.frame("rocketskates") for s in THE_TWO]
    assert "profiles save global" in page.run("byId('events').innerText")


def test_a_page_shows_a_thousand_varied_events_to_the_byte_and_in_order(page, url, client):
    samples = sample_events(1000, seed=5)
    page.connect(url).register("*.*.*")
    client.publish_all([to_event(s) for s in samples], batch=100)
    assert page.events(1000) == [s.frame("rocketskates") for s in samples]


def test_compression_that_chromium_offers_is_declined(page, url):
    page.connect(url)
    assert page.run("byId('state').textContent") == "open, extensions: ."


def test_every_command_is_answered(page, url):
    page.connect(url)
    assert page.command("register a.b.c d") == "websocket register a.b.c d"
    assert page.command("  deregister a.b.c d ") == "websocket deregister a.b.c d"
    assert page.command("nonsense") == "websocket error nonsense"
    assert page.run("JSON.parse([...document.querySelectorAll('code')].pop().textContent)"
                    ".Object.Error.length > 10")


def test_deregister_ends_just_what_it_names(page, url, client, kind):
    page.connect(url).register(f"{kind}.*.a").register(f"{kind}.*.b")
    assert page.command(f"deregister {kind}.*.a").startswith("websocket deregister")
    client.publish(event(kind, key="a"), event(kind, key="b"))
    assert [json.loads(text)["Key"] for text in page.events(1)] == ["b"]


def test_two_pages_of_two_users_show_what_each_may_see(open_page, facade, client, user, kind):
    pages = {}
    for key in ("a", "b"):
        token = user((kind, "*", key), ("end", "*", "*")).token
        pages[key] = open_page().connect(f"{facade.ws_url}?Token={token}").register("*.*.*")
    client.publish(event(kind, key="a"), event(kind, key="b"), event("end", key="end"))
    for key, page in pages.items():
        assert [json.loads(text)["Key"] for text in page.events(2)] == [key, "end"]


@pytest.mark.parametrize("query", ["", "?token=nonsense", "?token=rocketskates:wrong"])
def test_without_good_credentials_a_page_is_not_let_in(page, facade, query):
    assert page.connect_in_vain(facade.ws_url + query) == "closed 1006 false "


def test_a_page_that_closes_is_answered(page, url):
    page.connect(url).register("a.b.c")
    page.run("socket.close(3001, 'seen enough')")
    assert page.ended() == "closed 3001 true "


def test_a_page_is_told_when_its_token_has_ended(page, facade, client):
    token = client.token("rocketskates", ttl_seconds=2)
    page.connect(f"{facade.ws_url}?token={token}")
    assert page.ended().startswith("closed 1008 true ")


@pytest.mark.parametrize("where", ["sandboxed", "in a file"])
def test_a_page_whose_origin_is_null_is_let_in(open_page, web_server, url, client, kind, where):
    page = open_page(f"{web_server}/events.html?sandboxed" if where == "sandboxed"
                     else (PAGES / "events.html").as_uri())
    assert page.run("window.origin") == "null"
    page.connect(url).register(f"{kind}.*.*")
    client.publish(event(kind, key="k"))
    assert len(page.events(1)) == 1


def test_a_page_of_an_extension_is_let_in(open_page, url):
    page = open_page(f"{EXTENSION}/page.html", Page)
    assert page.run("window.origin") == EXTENSION
    answer = page.run(f"""new Promise((done, fail) => {{
      const socket = new WebSocket({json.dumps(url)});
      socket.onopen = () => socket.send('register a.b.c');
      socket.onmessage = (message) => done(JSON.parse(message.data).Key);
      socket.onclose = (end) => fail(new Error('closed ' + end.code));
    }})""")
    assert answer == "a.b.c"


def test_a_page_of_another_origin_gets_a_token_publishes_and_sees_the_event(
        page, facade, kind):
    page.run(f"""(async () => {{
      const headers = {{Authorization: 'Basic ' + btoa({json.dumps(ACCOUNT_TEXT)})}};
      const url = '{facade.url}/api/v3/users/rocketskates/token?ttl=60';
      const answer = await fetch(url, {{headers}});
      window.token = (await answer.json()).Token;
    }})()""")
    page.connect(f"{facade.ws_url}?token={page.run('window.token')}").register(f"{kind}.*.*")
    status = page.run(f"""(async () => {{
      const headers = {{Authorization: 'Bearer ' + window.token,
                        'Content-Type': 'application/json'}};
      const body = JSON.stringify({{Type: '{kind}', Action: 'create', Key: 'ünïcode 🔔'}});
      const answer = await fetch('{facade.url}/api/v3/events', {{method: 'POST', headers, body}});
      return answer.status;
    }})()""")
    assert status == 204
    assert json.loads(page.events(1)[0])["Key"] == "ünïcode 🔔"


def test_a_page_of_another_origin_can_read_an_error(page, facade):
    error = page.run(f"""(async () => {{
      const answer = await fetch('{facade.url}/api/v3/info');
      return [answer.status, (await answer.json()).Type];
    }})()""")
    assert error == [401, "UNAUTHENTICATED"]
