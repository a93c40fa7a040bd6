"""Drives whole cycles against real SCIM servers and compares the outcome. Started by `run`."""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.error
import urllib.request

import expected
import groups
from targets import TARGETS

TOKEN = "secret-token"
HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
USERS = int(os.environ.get("REAL_USERS", "200"))
SEED = os.environ.get("REAL_SEED", "7")


def main(names):
    with_groups = "--groups" in names
    names = [name for name in names if name != "--groups"]
    folder = pathlib.Path(os.environ["TARGETS_DIR"]).resolve()
    names = names or [path.name.removeprefix("start-") for path in sorted(folder.glob("start-*"))]
    failed = []
    for name in names:
        print(f"== {name}", flush=True)
        if name not in TARGETS:
            print(f"{name}: nothing is known of this target; add it to tests/real-targets/targets.py")
            failed.append(name)
            continue
        missing = next((tool for tool in TARGETS[name]["needs"] if shutil.which(tool) is None), None)
        if missing:
            print(f"SKIPPED {name}: no {missing} on this machine")
            continue
        try:
            differences = run(name, folder / f"start-{name}", with_groups)
        except Trouble as trouble:
            print(f"{name}: {trouble}")
            differences = 1
        if differences:
            failed.append(name)
    print(f"real targets: {len(names)} run, failed: {', '.join(failed) or 'none'}")
    return 1 if failed else 0


class Trouble(Exception):
    pass


def run(name, script, with_groups):
    target = TARGETS[name]
    with contextlib.ExitStack() as stack:
        keep = os.environ.get("KEEP")
        if keep:
            place = pathlib.Path(keep) / name
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir(parents=True)
        else:
            place = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="real-target-")))
        url = stack.enter_context(server(script))
        if with_groups:
            return groups.run(place, url, target, sys.modules[__name__])
        mapping, paths = mapping_without(target["without"])
        (place / "scim.yaml").write_text(mapping, encoding="utf-8")
        (place / "token").write_text(TOKEN)
        (place / "provisiond.yaml").write_text(configuration(url, target), encoding="utf-8")
        people = expected.Expected(paths)

        generate(place / "source")
        created, _ = people.after(place / "source")
        report = cycle(place, day=0)
        check_counts(report, kind="initial", create=created, disable=0)
        print(f"initial cycle: {report['counts']}, {report['requests']} requests")

        generate(place / "source", "--churn", "2", "--day", "1")
        created, disabled = people.after(place / "source")
        report = cycle(place, day=1)
        check_counts(report, kind="incremental", create=created, disable=disabled)
        print(f"incremental cycle: {report['counts']}, {report['requests']} requests")

        report = cycle(place, day=1)
        if report["requests"] != 0:
            raise Trouble(f"a cycle with nothing to do sent {report['requests']} requests: {report['counts']}")
        print(f"cycle with nothing to do: {report['requests']} requests")

        return compare(people, everyone(url), target["explained"])


@contextlib.contextmanager
def server(script):
    """The target on a free port; ends with the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {**os.environ, "TARGET_TOKEN": TOKEN}
    process = subprocess.Popen([script, str(port)], stdout=subprocess.PIPE, text=True, env=environment)
    try:
        url = None
        for line in process.stdout:
            if line.startswith("url "):
                url = line.split()[1]
            if line.strip() == "ready":
                break
        if url is None:
            raise Trouble(f"{script.name} did not start (exit status {process.wait()})")
        yield url
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def mapping_without(without):
    """mappings/scim.yaml without the attributes that the target refuses, and the paths that remain."""
    lines, paths, dropped = [], [], set()
    for line in (ROOT / "mappings/scim.yaml").read_text(encoding="utf-8").splitlines(keepends=True):
        if line.startswith("groups:"):
            break
        found = re.match(r"    ([^\s#].*?):\s", line)
        path = found and found[1].strip("'")
        if path in without:
            dropped.add(path)
            continue
        if path:
            paths.append(path)
        lines.append(line)
    unknown = [path for path in paths if path not in expected.ATTRIBUTES]
    if unknown:
        raise Trouble(f"mappings/scim.yaml has attributes that tests/real-targets/expected.py does not know: {unknown}")
    if dropped != set(without):
        raise Trouble(f"mappings/scim.yaml lacks attributes that targets.py leaves out: {set(without) - dropped}")
    if "userName" not in paths or "active" not in paths:
        raise Trouble(f"mappings/scim.yaml could not be read line by line: {paths}")
    return "".join(lines), paths


def configuration(url, target):
    return f"""\
state: state.db
jobs:
  - name: real
    source:
      directory: source
      preset: entra-csv
    mapping: scim.yaml
    target:
      url: {url}{target["flag"]}
      auth:
        bearer: {{ file: token }}
      profile: generic
      dialect: entra
      rate: none
      concurrency: {target["concurrency"]}
"""


def generate(folder, *more):
    command = [os.environ["GEN_DIRECTORY"], "--users", str(USERS), "--seed", SEED, "--format", "entra-csv", "--out", str(folder), *more]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def cycle(place, day):
    # The generator's day 0 is the first of January 2026. By today's clock its recycle bin would be past its thirty days.
    at = f"2026-01-{day + 1:02}T23:59:00Z"
    command = [os.environ["PROVISIOND"], "cycle", "--at", at, "--config", str(place / "provisiond.yaml"), "--output", "json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600)
    (place / "last-cycle.err").write_text(done.stderr)
    if done.returncode != 0:
        failures = ""
        with contextlib.suppress(ValueError, KeyError, TypeError):
            bad = [entry for entry in json.loads(done.stdout)["objects"] if "failure" in json.dumps(entry.get("provisioningStatusInfo", {}))]
            failures = "\n" + "\n".join(json.dumps(entry, ensure_ascii=False)[:1500] for entry in bad[:3])
        raise Trouble(f"`provisiond cycle` ended with {done.returncode}: {done.stderr[-2000:]}{failures}")
    return json.loads(done.stdout)


def check_counts(report, kind, **counts):
    wrong = {name: (want, report["counts"][name]) for name, want in counts.items() if report["counts"][name] != want}
    if report["counts"]["failure"] or report["counts"]["staged"] or wrong or report["cycle"]["kind"] != kind:
        raise Trouble(f"{kind} cycle: expected {counts} without failures, found {report['cycle']['kind']} {report['counts']}")


def everyone(url, kind="Users"):
    """Every user or group of the target, page by page."""
    found = {}
    while True:
        page = get(f"{url}/{kind}?startIndex={len(found) + 1}&count=100")
        new = [user for user in page.get("Resources", []) if user["id"] not in found]
        found.update((user["id"], user) for user in new)
        # A page past the end may be the first one again.
        if not new or len(found) >= page["totalResults"]:
            return list(found.values())


def get(url):
    request = urllib.request.Request(url, headers={"Authorization": f"Bearer {TOKEN}", "Accept": "application/scim+json"})
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as error:
        raise Trouble(f"GET {url}: {error.code} {error.read()[:300]!r}") from error


def held(user, path):
    """The value at a path such as `emails[type eq "work"].value`, `name.givenName` or `urn:…:User:department`."""
    if path.startswith(expected.ENTERPRISE + ":"):
        user, path = user.get(expected.ENTERPRISE) or {}, path.removeprefix(expected.ENTERPRISE + ":")
    chosen = re.fullmatch(r'(\w+)\[type eq "(\w+)"\]\.(\w+)', path)
    if chosen:
        elements = [element for element in user.get(chosen[1]) or [] if element.get("type") == chosen[2]]
        return elements[0].get(chosen[3]) if elements else None
    for part in path.split("."):
        user = (user or {}).get(part)
    return user


def compare(people, users, explained):
    """Prints a table of what differs; returns how many differences nobody has explained."""
    by_name = {}
    for user in users:
        by_name.setdefault(user["userName"], []).append(user)
    table, accounts = [], {account["userName"]: account for account in people.accounts.values()}
    for name, account in accounts.items():
        mine = by_name.pop(name, [])
        if len(mine) != 1:
            table.append((name, "accounts", 1, len(mine)))
            continue
        for path in ["active", *people.paths]:
            want, got = account.get(path), held(mine[0], path)
            if want != got and not (want is None and got in ("", [])):
                table.append((name, path, want, got))
    table.extend((name, "accounts", 0, len(found)) for name, found in by_name.items())

    unexplained = 0
    for name, path, want, got in table:
        reason = explained.get(path)
        unexplained += reason is None
        print(f"  {name:40} {path:45} expected {want!r}, found {got!r}{'  explained: ' + reason if reason else ''}")
    attributes = len(people.paths) + 1
    print(f"{len(accounts)} people, {attributes} attributes each, compared one by one: {len(table)} differences, {unexplained} unexplained")
    return unexplained


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
