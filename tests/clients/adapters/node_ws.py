"""npm's ws; it offers permessage-deflate."""

import json
from pathlib import Path

from clients.adapters.child import Child

PROGRAM = Path(__file__).resolve().parents[1] / "node/ws_client.mjs"


class NodeWs(Child):
    def __init__(self, facade, query, headers, origin):
        options = {"url": facade.ws_url + query, "ca": str(facade.certificate.cert),
                   "headers": headers, "origin": origin}
        super().__init__(["node", str(PROGRAM), json.dumps(options)])
