"""Runs the command line."""

import subprocess

from harness.programs import ACCOUNT_TEXT, BIN, clean_environment
from harness.waiting import DEADLINE


class Cli:
    """The command line with the settings of one broker and user in its environment."""

    def __init__(self, broker, user=ACCOUNT_TEXT, **environment):
        self.environment = clean_environment(CARILLON_BROKER=broker.address,
                                             CARILLON_CA=str(broker.certificate.cert),
                                             **environment)
        if user:
            self.environment["CARILLON_USER"] = user

    def start(self, *arguments, **options):
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen([BIN / "carillon", *map(str, arguments)], text=True,
                                env=self.environment, **{**pipes, **options})

    def run(self, *arguments, input="", code=0):
        """Must end with this exit code; what it wrote, to stdout and stderr."""
        process = self.start(*arguments, stdin=subprocess.PIPE)
        try:
            out, errors = process.communicate(input, timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            process.kill()
            raise AssertionError(f"carillon {arguments} does not end") from None
        assert process.returncode == code, f"exit code {process.returncode}:\n{out}\n{errors}"
        return out, errors
