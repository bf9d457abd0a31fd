"""Sends generated requests to a PiCloud of its own: `run.py sqlite|postgres PICLOUD`.

The requests come from the instance's own description, first as the owner, then as a member. What the answers must be
like is schemathesis's to say (`schemathesis.toml`), but for what `hooks.py` explains.
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import urllib.request
import xml.etree.ElementTree as xml
from pathlib import Path

HERE = Path(__file__).parent
OWNER = ("run.owner", "correct horse battery")
MEMBER = ("run.member", "another long password")
# Signs in anew for each request that would end its session.
SPARE = ("run.spare", "yet another password")

# How long requests of each are generated.
SECONDS = {"owner": 60, "member": 30}
# Its answer has no end, and what is in it is no JSON: it has tests of its own.
ENDLESS = "tail_executions"

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
    name = f"schemathesis_{os.getpid()}"
    psql = [os.environ["PICLOUD_TEST_PSQL"], "--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1"]
    subprocess.run([*psql, "--command", f"CREATE DATABASE {name}", "--dbname", server], check=True)
    return f"{server.rsplit('/', 1)[0]}/{name}"


def prepare(picloud: Picloud) -> list[str]:
    """Makes the people of the run; names everything that it stands on."""
    token = picloud.sign_in(*OWNER)
    people = [picloud.call("GET", "/admin/auth/me", token=token)]
    for username, password in (MEMBER, SPARE):
        account = {"username": username, "password": password, "instance_role": "member"}
        people.append(picloud.call("POST", "/admin/admins", account, token))
    app = picloud.call("GET", "/admin/apps/default", token=token)
    member = {"user_id": people[1]["id"], "role": "editor"}
    picloud.call("POST", "/admin/apps/default/members", member, token)
    scripts = picloud.call("GET", "/admin/scripts?app=default", token=token)["items"]
    named = [app["slug"], *(person["username"] for person in people)]
    return named + [thing["id"] for thing in [app, *scripts, *people]]


def generate(picloud: Picloud, caller: str, token: str, ground: list[str], folder: str) -> tuple[int, int]:
    """Sends requests as `caller`; says how many operations passed and failed."""
    report = Path(folder) / f"{caller}.xml"
    environment = os.environ | {
        "PICLOUD_URL": picloud.url,
        "PICLOUD_SPARE": ":".join(SPARE),
        "PICLOUD_TOKEN": token,
        "PICLOUD_GROUND": ",".join(ground),
        "SCHEMATHESIS_HOOKS": str(HERE / "hooks.py"),
    }
    command = [Path(sys.executable).parent / "schemathesis", "--config-file", HERE / "schemathesis.toml", "run"]
    command += ["--max-time", str(SECONDS[caller]), "--no-color", "--report-junit-path", report]
    command += ["--exclude-operation-id", ENDLESS]
    status = subprocess.run(
        [*command, f"{picloud.url}/api/v1/openapi.json"], env=environment, cwd=folder, check=False
    ).returncode
    passed = failed = 0
    # Without a report it did not get as far as a first request.
    for test in xml.parse(report).iter("testcase") if report.exists() else ():
        outcomes = {part.tag for part in test}
        if outcomes & {"failure", "error"}:
            failed += 1
        elif "skipped" not in outcomes:
            passed += 1
    # Something else than a request failed.
    return passed, failed or int(status != 0)


def main(database: str, program: str) -> int:
    with tempfile.TemporaryDirectory(prefix="picloud-schemathesis-") as folder:
        picloud = Picloud(program, database, folder)
        try:
            ground = prepare(picloud)
            tokens = {"owner": picloud.sign_in(*OWNER), "member": picloud.sign_in(*MEMBER)}
            passed = failed = 0
            for caller, token in tokens.items():
                result = generate(picloud, caller, token, ground, folder)
                passed, failed = passed + result[0], failed + result[1]
        finally:
            picloud.stop()
        log = picloud.log()
        if "panicked at" in log or picloud.process.returncode != 0:
            print(log)
            failed += 1
    print(f"test result: {passed} passed; {failed} failed")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
