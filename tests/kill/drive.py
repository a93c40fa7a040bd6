"""Kills cycles and looks at what the target holds afterwards. Started by `run`."""
import contextlib
import csv
import json
import os
import pathlib
import random
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

PROGRAM = os.environ["PROVISIOND"]
KILLS = int(os.environ.get("KILLS", "12"))
USERS = int(os.environ.get("KILL_USERS", "2000"))
SEED = int(os.environ.get("KILL_SEED", "1"))
TOKEN = "kill-test-token"
# Kills of the initial cycle at most, then of each incremental one; then everything anew.
BUDGETS = [8, 4, 4, 4]
# Requests that each of them sends, about: a match and a creation a person; a read and a change for those who changed.
REQUESTS = [2 * USERS] + [USERS // 2] * (len(BUDGETS) - 1)

CONFIGURATION = """\
state: state.db
jobs:
  - name: kill
    source: {{ directory: source, preset: entra-csv }}
    mapping: mapping.yaml
    target:
      url: {url}
      auth: {{ bearer: {{ file: token }} }}
      profile: kintone
      rate: none
      concurrency: 8
"""

MAPPING = """\
users:
  attributes:
    userName: { source: userPrincipalName, match: 1, apply: on-create }
    active: Not([IsSoftDeleted])
    displayName: displayName
    name.givenName: givenName
    name.familyName: surname
    emails[type eq "work"].value: mail
    externalId: { source: objectId }
"""


def main():
    chance = random.Random(SEED)
    print(f"kill test: {KILLS} kills, {USERS} people, seed {SEED}", flush=True)
    kills = rounds = 0
    while kills < KILLS:
        rounds += 1
        kills += one_round(chance, KILLS - kills)
        print(f"round {rounds}: {kills} kills so far, every person exactly once and right", flush=True)
    print(f"kill test passed: {kills} kills in {rounds} rounds")
    return 0


def one_round(chance, left):
    """An initial cycle and some incremental ones on fresh folders, each killed at times; returns the number of kills."""
    done = 0
    with tempfile.TemporaryDirectory(prefix="kill-") as place, contextlib.ExitStack() as stack:
        place = pathlib.Path(place)
        url = stack.enter_context(stand_in(place))
        (place / "provisiond.yaml").write_text(CONFIGURATION.format(url=url))
        (place / "mapping.yaml").write_text(MAPPING)
        (place / "token").write_text(TOKEN)
        (place / "source").mkdir()
        people = Directory(chance)
        for number, (budget, requests) in enumerate(zip(BUDGETS, REQUESTS)):
            if number:
                people.next_day()
            people.write(place / "source")
            done += until_through(place, chance, min(left - done, budget), url, requests)
            compare(people, everyone(url), f"cycle {number + 1} of the round")
        until_through(place, chance, 0, url, 0)
        report = json.loads((place / "cycle.json").read_text())
        if report["requests"] != 0:
            sys.exit(f"a cycle with nothing to do sent {report['requests']} requests")
    return done


def until_through(place, chance, budget, url, requests):
    """Runs one cycle to its end and kills it up to `budget` times on the way."""
    kills, before = 0, asked(url)
    while True:
        process = cycle(place)
        if kills < budget and is_killed(process, chance, url, max(4, requests - (asked(url) - before))):
            kills += 1
            continue
        process.wait(600)
        if process.returncode != 0:
            words = (place / "cycle.err").read_text()[-3000:] + (place / "cycle.json").read_text()[:3000]
            sys.exit(f"`provisiond cycle` ended with {process.returncode} after {kills} kills:\n{words}")
        return kills


def is_killed(process, chance, url, left):
    """Ends the process at a random moment of its work, by the requests it has sent, so that slow machines do as fast ones;
    one time in five before the first. False where it came through before."""
    wanted = asked(url) + chance.choice([0, 1, 1, 1, 1]) * chance.randint(1, left)
    # Also between two requests, and behind the last one.
    pause = chance.uniform(0, 0.05)
    while asked(url) < wanted:
        if process.poll() is not None:
            return False
        time.sleep(0.002)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(pause)
        return False
    process.kill()
    process.wait()
    return True


def asked(url):
    """How many requests the stand-in has had."""
    with urllib.request.urlopen(url.replace("/scim/v2", "/_standin/requests"), timeout=60) as answer:
        return json.load(answer)["total"]


def cycle(place):
    command = [PROGRAM, "cycle", "--config", str(place / "provisiond.yaml"), "--output", "json"]
    # Files, not pipes: nobody reads while the cycle runs, and a full pipe would hold it up.
    with open(place / "cycle.json", "w") as out, open(place / "cycle.err", "w") as problems:
        return subprocess.Popen(command, stdout=out, stderr=problems)


@contextlib.contextmanager
def stand_in(place):
    """`provisiond target` on a free port; a little slow, so that a cycle lasts long enough to be killed."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with open(place / "target.log", "w") as log:
        process = subprocess.Popen(
            [PROGRAM, "target", "--listen", f"127.0.0.1:{port}", "--token", TOKEN, "--profile", "kintone",
             "--data", str(place / "target.json"), "--latency", "5ms"],
            stdout=log, stderr=log,
        )
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                time.sleep(0.05)
            else:
                sys.exit("`provisiond target` does not listen: " + (place / "target.log").read_text()[-2000:])
            yield f"http://127.0.0.1:{port}/scim/v2"
        finally:
            process.terminate()
            process.wait(20)


class Directory:
    """Made-up people, changed from day to day, and what the target must hold of them."""

    def __init__(self, chance):
        self.chance = chance
        self.people = [self.person(number) for number in range(USERS)]
        self.expected = {}
        self.look()

    def person(self, number):
        identifier = "%08x-0000-4000-8000-%012x" % (self.chance.getrandbits(32), number)
        return {"id": identifier, "number": number, "name": f"氏名 {number}", "enabled": True}

    def next_day(self):
        for person in self.people:
            if self.chance.random() < 0.20:
                person["name"] = f"改姓 {self.chance.randrange(10**6)}"
            if self.chance.random() < 0.03:
                person["enabled"] = not person["enabled"]
        begin = len(self.people)
        self.people += [self.person(begin + number) for number in range(USERS // 50)]
        self.look()

    def look(self):
        for person in self.people:
            login = f"user{person['number']}@example.co.jp"
            if person["enabled"]:
                self.expected[login] = {
                    "userName": login, "active": True, "displayName": person["name"], "externalId": person["id"],
                    "name": {"givenName": f"名{person['number']}", "familyName": "山田"}, "email": login,
                }
            elif login in self.expected:
                # Only `active` is sent of somebody who is not entitled.
                self.expected[login] = {**self.expected[login], "active": False}

    def write(self, folder):
        with open(folder / "users.csv.tmp", "w", encoding="utf-8", newline="") as file:
            rows = csv.writer(file)
            rows.writerow(["userPrincipalName", "displayName", "surname", "mail", "givenName", "id", "accountEnabled"])
            for person in self.people:
                login = f"user{person['number']}@example.co.jp"
                rows.writerow([login, person["name"], "山田", login, f"名{person['number']}", person["id"], person["enabled"]])
        os.replace(folder / "users.csv.tmp", folder / "users.csv")


def everyone(url):
    found = []
    while True:
        request = urllib.request.Request(f"{url}/Users?startIndex={len(found) + 1}&count=100", headers={"Authorization": f"Bearer {TOKEN}"})
        with urllib.request.urlopen(request, timeout=60) as answer:
            page = json.load(answer)
        found += page.get("Resources", [])
        if not page.get("Resources") or len(found) >= page["totalResults"]:
            return found


def compare(people, users, where):
    faults, seen = [], {}
    for user in users:
        seen.setdefault(user["userName"], []).append(user)
    for login, want in people.expected.items():
        mine = seen.pop(login, [])
        if len(mine) != 1:
            faults.append(f"{login}: {len(mine)} accounts")
            continue
        got = mine[0]
        work = [mail["value"] for mail in got.get("emails", []) if mail.get("type") == "work"]
        held = {
            "userName": got["userName"], "active": got.get("active"), "displayName": got.get("displayName"), "externalId": got.get("externalId"),
            "name": {part: got.get("name", {}).get(part) for part in ("givenName", "familyName")}, "email": work[0] if work else None,
        }
        if held != want:
            faults.append(f"{login}: expected {want}, found {held}")
    faults += [f"{login}: nobody in the source" for login in seen]
    if faults:
        sys.exit(f"{where}: {len(faults)} faults\n" + "\n".join(faults[:20]))


if __name__ == "__main__":
    sys.exit(main())
