"""The usual script: websocket-client's WebSocketApp, with callbacks, which runs for ever."""

import json
import threading

import websocket

from clients.samples import to_event
from harness.programs import ACCOUNT_TEXT
from harness.sample_events import THE_TWO
from harness.waiting import DEADLINE


def test_a_script_with_callbacks_registers_when_it_is_open_and_sees_events(facade, client):
    messages, errors, registered = [], [], threading.Event()

    def on_message(app, text):
        messages.append(text)
        registered.set()
        if len(messages) == 3:
            app.close()

    app = websocket.WebSocketApp(
        f"{facade.ws_url}?token={ACCOUNT_TEXT}",
        on_open=lambda app: app.send("register profiles.*.*"), on_message=on_message,
        on_error=lambda app, error: errors.append(error))
    running = threading.Thread(target=app.run_forever, daemon=True, kwargs={
        "sslopt": {"ca_certs": str(facade.certificate.cert)}, "ping_interval": 1,
        "ping_timeout": 0.5})
    running.start()
    assert registered.wait(DEADLINE), errors
    assert json.loads(messages[0])["Key"] == "profiles.*.*"
    client.publish(*(to_event(sample) for sample in THE_TWO))
    running.join(DEADLINE)
    assert not running.is_alive() and not errors
    assert messages[1:] == [sample.frame("rocketskates") for sample in THE_TWO]
