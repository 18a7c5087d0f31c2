"""HTTPS requests to the facade."""

import http.client
import json
from dataclasses import dataclass

from harness.client import basic
from harness.programs import ACCOUNT_TEXT
from harness.waiting import DEADLINE


@dataclass
class Answer:
    status: int
    headers: http.client.HTTPMessage
    text: str

    @property
    def json(self):
        return json.loads(self.text)


def connect(facade):
    """A connection that can be kept for several requests."""
    return http.client.HTTPSConnection("localhost", facade.port, timeout=DEADLINE,
                                       context=facade.certificate.client_context())


def request(facade, method, path, body=None, authorization=basic(ACCOUNT_TEXT), headers=(),
            connection=None):
    """`body` that is no text is sent as JSON."""
    own = connection or connect(facade)
    sent = dict(headers)
    if authorization:
        sent["Authorization"] = authorization
    if body is not None and not isinstance(body, (str, bytes)):
        body = json.dumps(body)
    if isinstance(body, str):
        body = body.encode()
    own.request(method, path, body, sent)
    response = own.getresponse()
    answer = Answer(response.status, response.headers, response.read().decode())
    if connection is None:
        own.close()
    return answer
