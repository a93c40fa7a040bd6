"""Measures groups: 1,000 groups of 1,000 members from 100,000 people, and one group of everybody.

    cargo build --locked --release --bin provisiond && python3 benches/groups.py

Environment: BENCH_PEOPLE (default 100000), BENCH_GROUPS (default 1000), BENCH_MEMBERS (default 1000), BENCH_ROUNDS (default 5),
BENCH_FOLDER (default: a temporary folder). Ratios are to `provisiond source`, which reads the same export, resolves the same
references and does nothing else; members and requests are counted by the cycle itself.
"""
import json
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
PROGRAM = os.environ.get("PROVISIOND", str(ROOT / "target/release/provisiond"))
PEOPLE = int(os.environ.get("BENCH_PEOPLE", "100000"))
GROUPS = int(os.environ.get("BENCH_GROUPS", "1000"))
MEMBERS = int(os.environ.get("BENCH_MEMBERS", "1000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
USER, GROUP = ("urn:ietf:params:scim:schemas:core:2.0:" + name for name in ("User", "Group"))

MAPPING = """\
users:
  attributes:
    userName: { source: userPrincipalName, match: 1 }
    active: Not([IsSoftDeleted])
    displayName: displayName
groups:
  attributes:
    displayName: { source: displayName, match: 1 }
    members: members
"""
CONFIGURATION = """\
state: state.db
jobs:
  - name: bench
    source: {{ directory: source, preset: scim-json }}
    mapping: mapping.yaml
    target:
      url: {url}
      auth: {{ bearer: {{ file: token }} }}
      profile: generic
      rate: none
      concurrency: 32
"""


def main():
    with tempfile.TemporaryDirectory(prefix="bench-groups-") as temporary:
        place = pathlib.Path(os.environ.get("BENCH_FOLDER", temporary))
        place.mkdir(parents=True, exist_ok=True)
        measure(place)


def measure(place):
    chance = random.Random(7)
    groups = [chance.sample(range(PEOPLE), MEMBERS) for _ in range(GROUPS)]
    (place / "token").write_text("bench")
    (place / "mapping.yaml").write_text(MAPPING)
    export(place, groups, "day 0")
    target = subprocess.Popen(
        [PROGRAM, "target", "--profile", "rfc7644", "--listen", "127.0.0.1:0", "--token", "bench", "--output", "json"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        url = json.loads(target.stdout.readline())["url"]
        (place / "provisiond.yaml").write_text(CONFIGURATION.format(url=url))
        took, peak, report = cycle(place)
        print(f"initial: {report['requests']:,} requests, {report['counts']}, {took:.1f} s, peak {peak:.0f} MB", flush=True)
        check(report)
        floor, same = [], []
        for number in range(ROUNDS):
            # Other bytes, the same people: every record is read.
            export(place, groups, f"day {number + 1}")
            floor.append(source(place))
            took, peak, report = cycle(place)
            check(report, requests=0)
            same.append((took, peak))
        floor = statistics.median(floor)
        took, peak = statistics.median(one[0] for one in same), max(one[1] for one in same)
        print(f"nothing changed: 0 requests, {took / floor:.2f} × reading the source ({took:.2f} s, {floor:.2f} s), peak {peak:.0f} MB",
              flush=True)
        churned = 0
        for members in groups:
            for _ in range(MEMBERS // 100):
                new = chance.randrange(PEOPLE)
                if new not in members:
                    members[chance.randrange(MEMBERS)] = new
                    churned += 2
        export(place, groups, "churn")
        took, peak, report = cycle(place)
        check(report)
        print(f"1 % churn: {churned:,} changes of members in {len(groups):,} groups, {report['requests']:,} requests,"
              f" {took:.1f} s, peak {peak:.0f} MB", flush=True)
        took, peak, report = cycle(place)
        check(report, requests=0)
        groups.append(list(range(PEOPLE)))
        export(place, groups, "everybody")
        took, peak, report = cycle(place)
        check(report)
        print(f"a group of {PEOPLE:,}: {report['requests']:,} requests, {took:.1f} s, peak {peak:.0f} MB", flush=True)
    finally:
        target.terminate()
        target.wait()


def check(report, requests=None):
    if report["counts"]["failure"] or requests is not None and report["requests"] != requests:
        sys.exit(f"it went wrong: {report['counts']}, {report['requests']} requests, {report['cycle']}")


def export(place, groups, day):
    """Writes the directory, one resource a line."""
    folder = place / "source"
    folder.mkdir(exist_ok=True)
    half = place / "directory.tmp"
    with half.open("w") as file:
        total = PEOPLE + len(groups)
        file.write('{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":%d,"Resources":[\n' % total)
        for number in range(PEOPLE):
            file.write('%s{"schemas":["%s"],"id":"%s","userName":"p%d@example.com","displayName":"Person %d","title":"%s","active":true}\n'
                       % ("," if number else "", USER, anchor(number), number, number, day if number % 1000 == 0 else ""))
        for number, members in enumerate(groups):
            listed = ",".join('{"value":"%s"}' % anchor(member) for member in members)
            file.write(',{"schemas":["%s"],"id":"%s","displayName":"Group %d","members":[%s]}\n'
                       % (GROUP, anchor(10_000_000 + number), number, listed))
        file.write("]}\n")
    half.replace(folder / "directory.json")


def anchor(number):
    return f"{number:08x}-0000-4000-8000-{number * 7919:012x}"


def source(place):
    return run([PROGRAM, "source", "--config", place / "provisiond.yaml"])[0]


def cycle(place):
    took, peak, output = run([PROGRAM, "cycle", "--config", place / "provisiond.yaml", "--output", "json"])
    report = json.loads(output)
    return took, peak, {"cycle": report["cycle"], "counts": report["counts"], "requests": report["requests"]}


# The kernel counts the memory of whoever starts a process as the process's own until it has begun: a small one starts it.
STARTER = """
import os, sys, time
began = time.monotonic()
child = os.posix_spawn(sys.argv[2], sys.argv[2:], os.environ)
_, status, usage = os.wait4(child, 0)
print(time.monotonic() - began, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status), file=open(sys.argv[1], "w"))
"""


def run(command):
    """Seconds, the peak resident set in MB, and what was printed."""
    with tempfile.TemporaryFile() as output, tempfile.NamedTemporaryFile("r") as measured:
        words = [str(word) for word in command]
        subprocess.run([sys.executable, "-S", "-c", STARTER, measured.name, *words], stdout=output, stderr=subprocess.DEVNULL, check=True)
        took, peak, status = measured.read().split()
        output.seek(0)
        text = output.read()
    if status not in ("0", "3"):
        sys.exit(f"{command}: exit {status}: {text[:2000]!r}")
    return float(took), float(peak), text


if __name__ == "__main__":
    main()
