"""Starts the servers that are compared, each on free ports of loopback, with logs in files."""

import os
import shutil
import socket
import subprocess
import time

from suite.machine import free_port

START_DEADLINE = 20
ACCOUNT = "rocketskates:r0cketsk8ts"


class ServerFailed(Exception):
    pass


class Process:
    """A server process, which ends with this script at the latest."""

    def __init__(self, name, arguments, folder, port, deadline=START_DEADLINE):
        self.name = name
        self.log = folder / f"{name}.log"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *map(str, arguments)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=clean_environment())
        self.pid = self._process.pid
        self._await_port(port, deadline)

    def _await_port(self, port, deadline):
        end = time.monotonic() + deadline
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                if self._process.poll() is not None or time.monotonic() > end:
                    self.kill()
                    tail = self.log.read_text(errors="replace")[-1000:]
                    raise ServerFailed(f"{self.name} does not listen:\n{tail}") from None
                time.sleep(0.01)

    def stop(self):
        self._process.terminate()
        try:
            self._process.wait(START_DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()

    def kill(self):
        self._process.kill()
        self._process.wait()


def clean_environment():
    """The environment without settings of a Carillon that the developer may be using."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith("CARILLON_")}
    return {**kept, "XDG_CONFIG_HOME": "/nonexistent"}


class Server:
    """One or more processes that make up what is compared. A context: leaving it ends them."""

    name = None
    dialect = None

    def __init__(self, context, tls=True):
        self.context = context
        self.tls = tls
        self.folder = context.folder / self.name
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir(parents=True)
        self.processes = []

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def run(self, name, *arguments, port):
        process = Process(name, arguments, self.folder, port)
        self.processes.append(process)
        return process

    def start(self):
        raise NotImplementedError

    def stop(self):
        for process in reversed(self.processes):
            process.stop()
        self.processes.clear()

    def pids(self):
        return {process.name: process.pid for process in self.processes}

    def server_flags(self):
        """For the load generator, to tell CPU times."""
        return [f"--server={name}={pid}" for name, pid in self.pids().items()]


class Carillon(Server):
    """Broker and facade; between them there is no TLS, as NATS and Mosquitto have no such hop."""

    name = "carillon"
    dialect = "carillon"

    def __init__(self, context, tls=True, facade=True, broker_flags=()):
        super().__init__(context, tls)
        self._broker_flags = broker_flags
        self._has_facade = facade
        self.port = free_port()
        self.grpc_port = free_port()
        self.token_file = self.folder / "user.token"

    def start(self):
        self.start_broker()
        if self._has_facade:
            self.cli("roles", "put", "facade", "--claim", "sessions.open.*")
            self.cli("users", "create", "facade", "--roles", "facade", "--no-password")
            self._write_token("facade", self.folder / "facade.token")
            self._write_token("rocketskates", self.token_file)
            self.start_facade()

    def start_broker(self):
        self.run("broker", self.context.bin / "carillon-broker",
                 "--listen", f"127.0.0.1:{self.grpc_port}", "--plaintext",
                 "--data", self.folder / "data", "--metrics", "", "--log-level", "warn",
                 *self._broker_flags, port=self.grpc_port)

    def start_facade(self):
        certificate = self.context.certificate
        tls = (["--tls-cert", certificate.cert, "--tls-key", certificate.key]
               if self.tls else ["--plaintext"])
        return self.run("facade", self.context.bin / "carillon-wsfacade",
                        "--listen", f"127.0.0.1:{self.port}", *tls,
                        "--broker", f"127.0.0.1:{self.grpc_port}", "--broker-plaintext",
                        "--broker-token-file", self.folder / "facade.token",
                        "--metrics", "", "--log-level", "warn", port=self.port)

    def _write_token(self, user, file):
        file.touch(mode=0o600)
        file.write_text(self.cli("users", "token", user, "--ttl", "8760h"))

    def cli(self, *arguments):
        done = subprocess.run(
            [self.context.bin / "carillon", "--broker", f"127.0.0.1:{self.grpc_port}",
             "--plaintext", "--user", ACCOUNT, *map(str, arguments)],
            env=clean_environment(), capture_output=True, text=True)
        if done.returncode != 0:
            raise ServerFailed(f"carillon {' '.join(map(str, arguments))}: {done.stderr}")
        return done.stdout

    def grpc_flags(self):
        return [f"--grpc=127.0.0.1:{self.grpc_port}", f"--user={ACCOUNT}"]

    def load_flags(self):
        return ["--token-file", str(self.token_file), *self.grpc_flags()]


class Nats(Server):
    """nats-server with its websocket listener and JetStream."""

    name = "nats-server"
    dialect = "nats"

    def start(self):
        self.port = free_port()
        self.client_port = free_port()
        certificate = self.context.certificate
        tls = (f'tls {{ cert_file: "{certificate.cert}", key_file: "{certificate.key}" }}'
               if self.tls else "no_tls: true")
        config = self.folder / "nats.conf"
        config.write_text(f"""
host: 127.0.0.1
port: {self.client_port}
websocket {{ host: "127.0.0.1", port: {self.port}, {tls} }}
jetstream {{ store_dir: "{self.folder / 'data'}" }}
""")
        self.run("nats-server", "nats-server", "-c", config, port=self.client_port)

    def load_flags(self):
        return [f"--publish=127.0.0.1:{self.client_port}"]


class Mosquitto(Server):
    """mosquitto with a websocket listener."""

    name = "mosquitto"
    dialect = "mqtt"

    def start(self):
        self.port = free_port()
        self.client_port = free_port()
        certificate = self.context.certificate
        tls = f"certfile {certificate.cert}\nkeyfile {certificate.key}\n" if self.tls else ""
        config = self.folder / "mosquitto.conf"
        config.write_text(f"""
allow_anonymous true
user root
log_type error
max_queued_messages 0
listener {self.client_port} 127.0.0.1
protocol mqtt
listener {self.port} 127.0.0.1
protocol websockets
{tls}""")
        self.run("mosquitto", "mosquitto", "-c", config, port=self.client_port)

    def load_flags(self):
        return [f"--publish=127.0.0.1:{self.client_port}"]


class Etcd(Server):
    name = "etcd"

    def start(self):
        self.port = free_port()
        client, peer = f"http://127.0.0.1:{self.port}", f"http://127.0.0.1:{free_port()}"
        self.run("etcd", "etcd", "--data-dir", self.folder / "data", "--log-level", "error",
                 "--listen-client-urls", client, "--advertise-client-urls", client,
                 "--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer,
                 "--initial-cluster", f"default={peer}", "--quota-backend-bytes", 8 << 30,
                 port=self.port)

    def grpc_flags(self):
        return [f"--grpc=127.0.0.1:{self.port}", "--kind=etcd"]


class Redis(Server):
    """redis-server with each write flushed to its append-only file before it is answered."""

    name = "redis"

    def start(self):
        self.port = free_port()
        self.run("redis", "redis-server", "--bind", "127.0.0.1", "--port", self.port,
                 "--dir", self.folder, "--save", "", "--appendonly", "yes",
                 "--appendfsync", "always", "--loglevel", "warning", port=self.port)
