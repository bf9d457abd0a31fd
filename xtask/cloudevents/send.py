"""Sends events to a PiCloud of its own with the SDK of CloudEvents: `send.py sqlite|postgres PICLOUD`.

A script that subscribes keeps what it is given, in headers and a body, and the SDK reads that again.
"""

import base64
import json
import sys
import tempfile
import time
from datetime import datetime, timezone
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

from cloudevents.core.bindings.http import HTTPMessage, from_http_event, to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

sys.path.append(str(Path(__file__).parent.parent))

from picloud import OWNER, START_SECONDS_MAX, Picloud

BATCH = "application/cloudevents-batch+json"

KEEP = """
let headers = #{};
for name in request.headers.keys() { headers[name] = request.headers[name]; }
kv::set(`kept/${request.event.extensions.originid}`, #{headers: headers, body: base64::encode(request.bytes)});
1
"""

SHOW = "json::stringify(kv::get(`kept/${request.query.id}`))"

WHEN = datetime(2026, 11, 29, 12, 30, 15, 250_000, timezone.utc)

# What events carry: the media type, and the data as the SDK takes it. It takes JSON for what has no type.
CARRIED = [
    ("application/json", {"order": 7, "customer": "Ada", "items": ["tea", "Schälchen"], "paid": None}),
    ("application/vnd.shop+json; charset=utf-8", {"order": 8}),
    ("text/plain", "Straße 5, 100 %"),
    ("application/octet-stream", bytes(range(256))),
    (None, {"order": 9}),
    (None, None),
]


def events(mode: str) -> list[CloudEvent]:
    """One of each kind, with ids that no other mode has."""
    made = []
    for number, (content_type, data) in enumerate(CARRIED):
        attributes = {"id": f"{mode}-{number}", "source": "/sdk?a=1&b=%20", "type": "sdk.sent", "time": WHEN}
        attributes |= {"subject": 'Größe "5" 100%', "comexample": "a b"}
        if content_type is not None:
            attributes["datacontenttype"] = content_type
        made.append(CloudEvent(attributes, data))
    return made


class Sender:
    """Publishes, and reads what was kept."""

    def __init__(self, picloud: Picloud):
        self.picloud = picloud
        self.token = picloud.sign_in(*OWNER)
        script = self.script("keep", KEEP)
        subscription = {"name": "keep", "topic": "sdk.sent", "script_id": script}
        picloud.call("POST", "/admin/apps/default/subscriptions", subscription, self.token)
        self.show = self.script("show", SHOW)

    def script(self, name: str, source: str) -> str:
        app = self.picloud.call("GET", "/admin/apps/default", token=self.token)
        body = {"app_id": app["id"], "name": name, "source": source}
        return self.picloud.call("POST", "/admin/scripts", body, self.token)["id"]

    def publish(self, message: HTTPMessage) -> list[str]:
        # Other clients of Python make up a media type where there is none.
        connection = HTTPConnection(urlsplit(self.picloud.url).netloc, timeout=START_SECONDS_MAX)
        headers = message.headers | {"authorization": f"Bearer {self.token}"}
        connection.request("POST", "/api/v1/apps/default/events", message.body, headers)
        answer = connection.getresponse()
        text = answer.read()
        connection.close()
        assert answer.status == 202, f"{answer.status}: {text}"
        return json.loads(text)["ids"]

    def kept(self, origin: str) -> CloudEvent:
        """What the script was given for the event that had this id."""
        begun = time.monotonic()
        while True:
            kept = self.picloud.call("GET", f"/execute/{self.show}?id={origin}")
            if kept is not None:
                return from_http_event(HTTPMessage(kept["headers"], base64.b64decode(kept["body"])))
            assert time.monotonic() < begun + START_SECONDS_MAX, f"{origin} never ran"


def check(sent: CloudEvent, published: str, given: CloudEvent) -> None:
    """What the script is given is what was sent, under the id that PiCloud has given it."""
    expected = sent.get_attributes() | {"id": published, "originid": sent.get_id()}
    expected.setdefault("datacontenttype", "application/json")
    assert given.get_attributes() == expected, f"{given.get_attributes()} for {expected}"
    # What is no JSON comes as text or bytes, whichever of these it can be.
    found, data = given.get_data(), sent.get_data()
    found, data = (value.encode() if isinstance(value, str) else value or None for value in (found, data))
    assert found == data, f"{found!r} for {data!r}"


def send(sender: Sender) -> int:
    """Sends all of them in each mode; says how many there were."""
    sent = []
    for mode, message_of in {"binary": to_binary_event, "structured": to_structured_event}.items():
        for event in events(mode):
            sent.append((event, *sender.publish(message_of(event))))
    batch = events("batch")
    # The SDK makes single events, of which the specification makes a batch like this.
    body = b"[" + b",".join(to_structured_event(event).body for event in batch) + b"]"
    sent += zip(batch, sender.publish(HTTPMessage({"content-type": BATCH}, body)), strict=True)
    for event, published in sent:
        check(event, published, sender.kept(event.get_id()))
    return len(sent)


def main(database: str, program: str) -> None:
    with tempfile.TemporaryDirectory(prefix="picloud-cloudevents-") as folder:
        picloud = Picloud(program, database, folder)
        try:
            passed = send(Sender(picloud))
        except BaseException:
            print(picloud.log())
            print("test result: 0 passed; 1 failed")
            raise
        finally:
            picloud.stop()
    print(f"test result: {passed} passed; 0 failed")


if __name__ == "__main__":
    main(*sys.argv[1:])
