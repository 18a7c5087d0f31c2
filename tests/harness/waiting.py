"""Deadlines, and waiting for conditions that nothing announces."""

import os
import time

# Programs built with sanitizers are slower; tests/run sets this for them.
PATIENCE = float(os.environ.get("CARILLON_TEST_PATIENCE", "1"))

DEADLINE = 20 * PATIENCE


def wait_until(condition, what, deadline=DEADLINE):
    """Asks `condition` until it gives something true, and returns that.

    For what has no event to wait for, such as a figure on a metrics page.
    """
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"after {deadline:.0f} s still not so: {what}")
        time.sleep(0.02)
