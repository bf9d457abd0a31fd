"""Sends generated requests to a PiCloud of its own: `run.py sqlite|postgres PICLOUD`.

The requests come from the instance's own description, first as the owner, then as a member. What the answers must be
like is schemathesis's to say (`schemathesis.toml`), but for what `hooks.py` explains.
"""

import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as xml
from pathlib import Path

HERE = Path(__file__).parent
sys.path.append(str(HERE.parent))

from picloud import OWNER, Picloud

MEMBER = ("run.member", "another long password")
# Signs in anew for each request that would end its session.
SPARE = ("run.spare", "yet another password")

# How long requests of each are generated.
SECONDS = {"owner": 60, "member": 30}
# Its answer has no end, and what is in it is no JSON: it has tests of its own.
ENDLESS = "tail_executions"


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
