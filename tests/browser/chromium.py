"""Headless Chromium, driven over the Chrome DevTools Protocol."""

import base64
import hashlib
import itertools
import json
import re
import subprocess

from websockets.sync.client import connect

from harness.waiting import DEADLINE


def key_fingerprint(certificate):
    """SHA-256 of the certificate's public key, by which Chromium is told to trust just that."""
    pem = subprocess.run(["openssl", "x509", "-in", certificate.cert, "-noout", "-pubkey"],
                         check=True, capture_output=True).stdout
    key = base64.b64decode("".join(pem.decode().split("\n")[1:-2]))
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


class Chromium:
    def __init__(self, folder, certificate, extension):
        self._process = subprocess.Popen(
            ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
             "--no-first-run", "--disable-background-networking", "--disable-component-update",
             "--disable-sync", "--disable-dev-shm-usage", "--remote-debugging-port=0",
             f"--user-data-dir={folder / 'profile'}",
             f"--ignore-certificate-errors-spki-list={key_fingerprint(certificate)}",
             f"--load-extension={extension}",
             "--disable-features=DisableLoadExtensionCommandLineSwitch",
             "--window-size=1000,700", "about:blank"],
            stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, errors="replace")
        self._connecting = connect(self._devtools_url(), max_size=None, compression=None,
                                   open_timeout=DEADLINE)
        self._connection = self._connecting.__enter__()
        self._numbers = itertools.count(1)

    def _devtools_url(self):
        seen = ""
        for line in self._process.stderr:
            seen += line
            match = re.search(r"DevTools listening on (ws://\S+)", line)
            if match:
                return match.group(1)
        raise AssertionError(f"Chromium did not start:\n{seen}")

    def call(self, method, session=None, **parameters):
        """Calls a method of the protocol; its result."""
        number = next(self._numbers)
        request = {"id": number, "method": method, "params": parameters}
        if session:
            request["sessionId"] = session
        self._connection.send(json.dumps(request))
        while True:
            answer = json.loads(self._connection.recv(timeout=2 * DEADLINE))
            if answer.get("id") == number:
                assert "error" not in answer, answer["error"]
                return answer["result"]

    def targets(self):
        return self.call("Target.getTargets")["targetInfos"]

    def open(self, url):
        return Page(self, url)

    def close(self):
        self.call("Browser.close")
        self._process.wait(DEADLINE)
        self._connecting.__exit__(None, None, None)


class Page:
    """A tab."""

    def __init__(self, chromium, url):
        self._chromium = chromium
        self._target = chromium.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = chromium.call("Target.attachToTarget", targetId=self._target,
                                      flatten=True)["sessionId"]
        self._call("Page.enable")
        error = self._call("Page.navigate", url=url).get("errorText")
        assert not error, f"{url}: {error}"
        self.wait_for("document.readyState === 'complete'")

    def _call(self, method, **parameters):
        return self._chromium.call(method, session=self._session, **parameters)

    def run(self, script):
        """The value of an expression, or of the promise it gives."""
        answer = self._call("Runtime.evaluate", expression=script, awaitPromise=True,
                            returnByValue=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, condition):
        """Waits until an expression is true after a change of the document."""
        self.run(f"""new Promise((done, fail) => {{
          const check = () => {{ if ({condition}) done(); }};
          new MutationObserver(check).observe(
              document, {{subtree: true, childList: true, characterData: true}});
          document.addEventListener('readystatechange', check);
          setTimeout(() => fail(new Error('not so: ' + {json.dumps(condition)} + '; the page says: '
              + document.body.innerText.slice(0, 1000))), {1000 * DEADLINE});
          check();
        }})""")

    def screenshot(self, file):
        picture = self._call("Page.captureScreenshot", format="png")["data"]
        file.write_bytes(base64.b64decode(picture))

    def close(self):
        self._chromium.call("Target.closeTarget", targetId=self._target)


class EventsPage(Page):
    """pages/events.html."""

    def connect(self, url):
        self._submit("connect", "url", url)
        self.wait_for("byId('state').textContent !== 'connecting'")
        state = self.run("byId('state').textContent")
        assert state.startswith("open"), state
        return self

    def connect_in_vain(self, url):
        """What the page says about it."""
        self._submit("connect", "url", url)
        return self.ended()

    def ended(self):
        self.wait_for("byId('state').textContent.startsWith('closed')")
        return self.run("byId('state').textContent")

    def _submit(self, form, field, value):
        self.run(f"byId('{field}').value = {json.dumps(value)};"
                 f"document.querySelector('#{form} button').click()")

    def command(self, text):
        """Sends a command; waits for the answer, and gives its title."""
        count = self.run("document.querySelectorAll('.websocket').length")
        self._submit("command", "text", text)
        self.wait_for(f"document.querySelectorAll('.websocket').length > {count}")
        return self.run("[...document.querySelectorAll('.websocket b')].pop().textContent")

    def register(self, filter_text):
        assert self.command(f"register {filter_text}") == f"websocket register {filter_text}"
        return self

    def events(self, count):
        """The texts of so many events, once they are shown."""
        self.wait_for(f"document.querySelectorAll('.event').length >= {count}")
        return self.run("[...document.querySelectorAll('.event code')].map((c) => c.textContent)")
