"""Sample events as messages of the contract."""

from harness.client import event


def to_event(sample):
    seconds, nanos = sample.seconds_and_nanos()
    made = event(sample.type, sample.action, sample.key, object=(sample.object or "").encode(),
                 original=(sample.original or "").encode())
    made.time.seconds, made.time.nanos = seconds, nanos
    return made
