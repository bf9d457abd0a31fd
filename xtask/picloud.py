"""A PiCloud of its own, for programs that test one."""

import json
import os
import subprocess
import sys
import threading
import urllib.request
from pathlib import Path

OWNER = ("run.owner", "correct horse battery")

# Only a fault reaches this.
START_SECONDS_MAX = 120


class Picloud:
    """A running instance."""

    def __init__(self, program: str, database: str, folder: str):
        # So that the hooks can sign in from elsewhere than generated requests, whose guesses at passwords are slowed.
        settings = ["--trusted-proxies", "127.0.0.1/32"]
        settings += ["--bind", "127.0.0.1:0", "--drain-seconds", "1", "--data-dir", f"{folder}/data"]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PICLOUD_")}
        environment |= {"PICLOUD_ADMIN_USERNAME": OWNER[0], "PICLOUD_ADMIN_PASSWORD": OWNER[1]}
        if database == "postgres":
            environment["PICLOUD_DATABASE_URL"] = new_database()
        self.log_path = Path(folder) / "log"
        with self.log_path.open("w") as log:
            self.process = subprocess.Popen(
                [program, *settings], env=environment, stdout=subprocess.PIPE, stderr=log, text=True
            )
        watchdog = threading.Timer(START_SECONDS_MAX, self.process.kill)
        watchdog.start()
        endpoints = (line.split()[1] for line in self.process.stdout if line.strip().startswith("Endpoint"))
        endpoint = next(endpoints, None)
        watchdog.cancel()
        if endpoint is None:
            sys.exit(f"picloud did not start:\n{self.log()}")
        self.url = endpoint.rstrip("/")

    def call(self, method: str, path: str, body: object = None, token: str = "") -> dict:
        headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {token}"} if token else {})
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/api/v1{path}", data, headers, method=method)
        with urllib.request.urlopen(request, timeout=START_SECONDS_MAX) as answer:
            return json.load(answer)

    def sign_in(self, username: str, password: str) -> str:
        return self.call("POST", "/admin/auth/login", {"username": username, "password": password})["token"]

    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait()


def new_database() -> str:
    server = os.environ["PICLOUD_TEST_POSTGRES_URL"]
    name = f"picloud_python_{os.getpid()}"
    psql = [os.environ["PICLOUD_TEST_PSQL"], "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]
    subprocess.run([*psql, "--command", f"CREATE DATABASE {name}", "--dbname", server], check=True)
    return f"{server.rsplit('/', 1)[0]}/{name}"
