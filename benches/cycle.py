"""Measures whole runs against floors. Started by `cycle.sh`."""
import contextlib
import csv
import io
import json
import os
import pathlib
import platform
import random
import shutil
import signal
import socket
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

PROGRAM, FLOOR, LOAD, GENERATOR = (os.environ[name] for name in ("PROVISIOND", "FLOOR", "LOAD", "GEN_DIRECTORY"))
USERS = int(os.environ.get("BENCH_USERS", "1000000"))
LARGE = int(os.environ.get("BENCH_LARGE", "5000000"))
INITIAL = int(os.environ.get("BENCH_INITIAL", "20000"))
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
TOKEN = "bench-token"
IN_FLIGHT = 32

MAPPING = pathlib.Path(__file__).resolve().parent.parent / "mappings/kintone.yaml"
CONFIGURATION = """\
state: state.db
jobs:
  - name: bench
    source: {{ directory: source, preset: entra-csv }}
    mapping: {mapping}
    target:
      url: {url}
      auth: {{ bearer: {{ file: token }} }}
      profile: kintone
      rate: {rate}
      concurrency: {in_flight}
"""


def main(parts):
    # Memory first: the kernel counts the memory of whoever starts a process as the process's own, and making variants takes much.
    parts = parts or ["memory", "initial", "cycles"]
    print(f"{machine()}; {time.strftime('%Y-%m-%d')}; medians of {ROUNDS} interleaved rounds", flush=True)
    with contextlib.ExitStack() as stack:
        kept = os.environ.get("BENCH_FOLDER")
        folder = pathlib.Path(kept) if kept else pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        folder.mkdir(parents=True, exist_ok=True)
        for part in parts:
            {"cycles": cycles, "initial": initial, "memory": memory}[part](folder)


# --- cycles over a large directory in which little or nothing changed ------------------------------------------------------


def cycles(folder):
    place, target = provisioned(folder, USERS)
    print(f"\n{USERS:,} people, {size(place / 'day0') / 1e6:.0f} MB of CSV")
    variants = {name: variant(place, name) for name in ("rewritten", "shuffled", "changed")}
    with target as url:
        configure(place, url, "none")
        rows = {name: [] for name in ("floor", "same", "rewritten", "shuffled", "changed", "changed_reads", "now")}
        for _ in range(ROUNDS):
            rows["floor"].append(run([FLOOR, *files(place / "day0")])[0])
            for name in ("same", "rewritten", "shuffled"):
                fresh(place, variants.get(name, place / "day0"))
                took, report = cycle(place)
                if report["requests"] or report["source"]["refused"]:
                    sys.exit(f"{name}: {report['requests']} requests, {report['source']}: nothing had changed")
                rows[name].append(took)
            fresh(place, variants["changed"])
            took, report = cycle(place, "--dry-run")
            rows["changed"].append(took)
            rows["changed_reads"].append(report["requests"])
            fresh(place, place / "day0")
            login = person(place / "day0")
            took, _ = run([PROGRAM, "provision-now", "--user", login, "--config", place / "provisiond.yaml", "--output", "json"])[:2]
            rows["now"].append(took)
        floor = statistics.median(rows["floor"])
        print(f"F = {floor:.3f} s\n")
        table = Table("work", "goal", "measured")
        table.ratio("no-op cycle, the export byte for byte the same", 0.15, rows["same"], floor)
        table.ratio("no-op cycle, the export rewritten, same people, same order", 0.4, rows["rewritten"], floor)
        table.ratio("the same, rows shuffled", 1.3, rows["shuffled"], floor)
        reads = int(statistics.median(rows["changed_reads"]))
        waited = reads / bare_reads(url, place) if reads else 0.0
        table.ratio(f"planning 1 % changed, 0.1 % joined, 0.1 % left (without {reads:,} reads: {waited:.2f} s)", 1.0,
                    [took - waited for took in rows["changed"]], floor)
        table.ratio("`provision-now`, with its few requests", 0.6, rows["now"], floor)
        table.end()
    with_log, without_log = json.loads((place / "sizes.json").read_text())
    table = Table("state", "goal", "measured")
    table.row("bytes a person in SQLite, without the log", "< 150", f"{without_log / USERS:.0f} (with the log {with_log / USERS:.0f})", without_log / USERS < 150)
    table.end()


def provisioned(folder, users):
    """A folder whose state holds `users` people who were all provisioned to a stand-in, and that stand-in."""
    place = folder / f"people-{users}"
    if not (place / "state-day0.db").exists():
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir(parents=True)
        (place / "token").write_text(TOKEN)
        generate(place / "day0", users)
        with stand_in(place / "target.data") as url:
            configure(place, url, "none")
            fresh(place, place / "day0")
            # As text and quietly: a report of a million people as JSON would need more memory than the machine may have.
            took = run([PROGRAM, "cycle", "-q", "--config", place / "provisiond.yaml"])[0]
            print(f"initial cycle of {users:,} people: {took:.0f} s", flush=True)
        keep_without_log(place)
    return place, stand_in(place / "target.data")


def fresh(place, export):
    """Puts the state of the day before and an export into their places."""
    for end in ("", "-wal", "-shm"):
        (place / f"state.db{end}").unlink(missing_ok=True)
    if (place / "state-day0.db").exists():
        shutil.copy(place / "state-day0.db", place / "state.db")
    shutil.rmtree(place / "source", ignore_errors=True)
    shutil.copytree(export, place / "source", copy_function=shutil.copyfile)
    os.sync()


def variant(place, name):
    """The export of the next day: other bytes and the same people, another order, or other people."""
    folder = place / name
    if folder.exists():
        return folder
    chance = random.Random(7)
    half = place / f"{name}.tmp"
    shutil.rmtree(half, ignore_errors=True)
    shutil.copytree(place / "day0", half)
    header, *rows = (place / "day0/users.csv").read_bytes().removesuffix(b"\r\n").split(b"\r\n")
    columns = header.decode().split(",")
    if name == "rewritten":
        # A telephone number, which the mapping does not use, of one person in a thousand.
        for number in range(0, len(rows), 1000):
            rows[number] = edited(rows[number], columns, telephoneNumber="+81 3-5550-0000")
    elif name == "shuffled":
        chance.shuffle(rows)
    else:
        hundredth, thousandth = len(rows) // 100, len(rows) // 1000
        picked = chance.sample(range(len(rows)), hundredth + thousandth)
        for number in picked[:hundredth]:
            rows[number] = edited(rows[number], columns, displayName=f"New Name {number}")
        gone = set(picked[hundredth:])
        joined = [
            edited(rows[number], columns, id=f"ffffffff-ffff-4fff-8fff-{number:012}", userPrincipalName=f"new{number}@example.com", mail=f"new{number}@example.com")
            for number in range(thousandth)
        ]
        rows = [row for number, row in enumerate(rows) if number not in gone] + joined
    (half / "users.csv").write_bytes(b"\r\n".join([header, *rows]) + b"\r\n")
    half.rename(folder)
    return folder


def edited(row, columns, **values):
    """The row with other values in some columns."""
    cells = next(csv.reader([row.decode()]))
    for column, value in values.items():
        cells[columns.index(column)] = value
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue().encode()


def bare_reads(url, place):
    """How many look-ups a second the stand-in answers to a client that does nothing else."""
    with stand_in(None) as empty:
        done = json.loads(run([LOAD, empty, TOKEN, place / "day0/users.csv", str(min(INITIAL, USERS // 2)), str(IN_FLIGHT)])[1])
    return done["requests"] / done["seconds"]


# --- an initial cycle against a bare load generator -------------------------------------------------------------------------


def initial(folder):
    place = folder / f"initial-{INITIAL}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    (place / "token").write_text(TOKEN)
    generate(place / "day0", INITIAL)
    print(f"\ninitial cycle of {INITIAL:,} people, a look-up and a create each, {IN_FLIGHT} in flight")
    bare, own, slow, slow_floor = [], [], [], []
    requests = 0
    for _ in range(ROUNDS):
        with stand_in(None) as url:
            done = json.loads(run([LOAD, url, TOKEN, place / "day0/users.csv", str(INITIAL), str(IN_FLIGHT)])[1])
            bare.append(done["seconds"])
        took, report = initial_cycle(place, None, "none")
        own.append(took)
        requests = report["requests"]
        took, report = initial_cycle(place, "20ms", "none")
        slow.append(took)
        slow_floor.append(report["requests"] * 0.020 / IN_FLIGHT)
    table = Table("work", "goal", "measured")
    floor = statistics.median(bare)
    print(f"load generator: {done['requests']:,} requests in {floor:.2f} s; cycle: {requests:,} requests\n")
    table.ratio("rate unlimited, × the load generator", 1.6, own, floor)
    table.ratio("target answers after 20 ms, × requests × 20 ms ÷ 32", 1.1, slow, statistics.median(slow_floor))

    few = place.parent / "initial-rate"
    shutil.rmtree(few, ignore_errors=True)
    few.mkdir()
    (few / "token").write_text(TOKEN)
    generate(few / "day0", 3000)
    took, report = initial_cycle(few, None, "200")
    rate = report["requests"] / took
    table.row("configured rate of 200/s, share of it reached", "≥ 0.97, no 429", f"{rate / 200:.3f}, failures {report['counts']['failure']}",
              rate / 200 >= 0.97 and not report["counts"]["failure"])
    table.end()


def initial_cycle(place, latency, rate):
    with stand_in(None, latency) as url:
        configure(place, url, rate)
        fresh(place, place / "day0")
        took, report = cycle(place)
    if report["counts"]["failure"] or report["cycle"]["kind"] != "initial":
        sys.exit(f"the initial cycle went wrong: {report['cycle']}, {report['counts']}")
    return took, report


# --- memory -------------------------------------------------------------------------------------------------------------


def memory(folder):
    table = Table("memory", "goal", "measured")
    for users, goal in ((USERS, 80), (LARGE, 250)):
        if users:
            place, _ = provisioned(folder, users)
            configure(place, "http://127.0.0.1:9/scim/v2", "none")
            fresh(place, place / "day0")
            peak = run([PROGRAM, "cycle", "--config", place / "provisiond.yaml", "--output", "json"])[2]
            table.row(f"peak, {users:,} people with nothing changed", f"{goal} MB", f"{peak / 1e6:.0f} MB", peak <= goal * 1e6)
    place, target = provisioned(folder, USERS)
    with target as url:
        configure(place, url, "none")
        fresh(place, place / "day0")
        cycle(place)
        daemon = subprocess.Popen([PROGRAM, "run", "--config", str(place / "provisiond.yaml")], stderr=subprocess.DEVNULL)
        time.sleep(10)
        status = pathlib.Path(f"/proc/{daemon.pid}/status").read_text()
        daemon.send_signal(signal.SIGTERM)
        daemon.wait(60)
    rest = int(status.split("VmRSS:")[1].split()[0]) * 1024
    table.row(f"daemon at rest, {USERS:,} people in the state", "25 MB", f"{rest / 1e6:.0f} MB", rest <= 25e6)
    table.end()


# --- tools ---------------------------------------------------------------------------------------------------------------


class Table:
    def __init__(self, *heads):
        self.rows = [heads, tuple("---" for _ in heads)]

    def row(self, work, goal, measured, good):
        self.rows.append((work, goal, measured + ("" if good else " ✗")))

    def ratio(self, work, goal, taken, floor):
        ratio = statistics.median(taken) / floor
        spread = f"{min(taken) / floor:.2f}–{max(taken) / floor:.2f}"
        self.row(work, f"{goal}", f"{ratio:.2f} ({spread}; {statistics.median(taken):.2f} s)", ratio <= goal)

    def end(self):
        for row in self.rows:
            print("| " + " | ".join(row) + " |")
        print(flush=True)


def run(command):
    """Runs a program; returns its seconds, its output, and its peak memory in bytes."""
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as problems:
        began = time.perf_counter()
        process = subprocess.Popen([str(word) for word in command], stdout=out, stderr=problems)
        _, status, usage = os.wait4(process.pid, 0)
        took = time.perf_counter() - began
        out.seek(0)
        problems.seek(0)
        if os.waitstatus_to_exitcode(status) != 0:
            sys.exit(f"{command} ended with {os.waitstatus_to_exitcode(status)}:\n{problems.read().decode()[-3000:]}{out.read().decode()[-2000:]}")
        return took, out.read().decode(), usage.ru_maxrss * 1024


def cycle(place, *more):
    took, out, _ = run([PROGRAM, "cycle", *more, "--config", place / "provisiond.yaml", "--output", "json"])
    return took, json.loads(out)


def configure(place, url, rate):
    text = CONFIGURATION.format(url=url, rate=rate, in_flight=IN_FLIGHT, mapping=MAPPING)
    (place / "provisiond.yaml").write_text(text)


@contextlib.contextmanager
def stand_in(data, latency=None):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [PROGRAM, "target", "--listen", f"127.0.0.1:{port}", "--token", TOKEN, "--profile", "kintone", "-q"]
    command += ["--data", str(data)] if data else []
    command += ["--latency", latency] if latency else []
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        url = f"http://127.0.0.1:{port}/scim/v2"
        asked = urllib.request.Request(f"{url}/ServiceProviderConfig", headers={"Authorization": f"Bearer {TOKEN}"})
        for _ in range(2400):
            # Connections are taken before a million accounts are loaded; only an answer says that they are.
            try:
                urllib.request.urlopen(asked, timeout=600).close()
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                time.sleep(0.05)
        yield url
    finally:
        process.terminate()
        process.wait(120)


def generate(folder, users):
    subprocess.run([GENERATOR, "--users", str(users), "--format", "entra-csv", "--out", str(folder)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def files(folder):
    return sorted(str(path) for path in folder.glob("*.csv"))


def size(folder):
    return sum(path.stat().st_size for path in folder.iterdir())


def person(folder):
    """The login of somebody in the middle of the file."""
    with open(folder / "users.csv", "rb") as file:
        file.seek(size(folder) // 2)
        file.readline()
        return file.readline().split(b",")[0].decode()


def keep_without_log(place):
    """Keeps the state for the rounds, without the log, which a copy for each round would be too long with; notes both sizes."""
    database = place / "state.db"
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = database.stat().st_size
    connection.execute("DELETE FROM log")
    connection.commit()
    connection.execute("VACUUM")
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    (place / "sizes.json").write_text(json.dumps([whole, database.stat().st_size]))
    shutil.copy(database, place / "state-day0.db")


def machine():
    model = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if line.startswith("model name")), platform.machine())
    gigabytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores of {model}, {gigabytes:.0f} GB, {platform.system()} {platform.release()}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
