#!/usr/bin/env bash
# Prints how long whole runs take, as ratios to floors measured in the same run on the same data.
#
#   benches/cycle.sh                     every row; about half an hour with 1,000,000 people
#   benches/cycle.sh cycles initial      only some: cycles, initial, memory
#
# Environment: BENCH_USERS (default 1000000), BENCH_LARGE (default 5000000; 0 leaves it out), BENCH_INITIAL (default 20000),
# BENCH_ROUNDS (default 5), BENCH_FOLDER (default: a temporary folder; a kept one saves making the directories again),
# GEN_DIRECTORY (default ../shared/tools/gen-directory beside the repository).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/.." && pwd)
export GEN_DIRECTORY=${GEN_DIRECTORY:-$root/../shared/tools/gen-directory}
command -v python3 >/dev/null || { echo "the bench needs python3" >&2; exit 2; }
[ -x "$GEN_DIRECTORY" ] || { echo "no $GEN_DIRECTORY; set GEN_DIRECTORY to the generator of directories" >&2; exit 2; }

cd "$root"
cargo build --locked --release --bin provisiond
program() {
    cargo bench --locked --no-run --bench "$1" --message-format=json 2>/dev/null |
        python3 -c 'import json, sys
for line in sys.stdin:
    message = json.loads(line)
    if message.get("executable") and message["target"]["name"] == sys.argv[1]:
        print(message["executable"])' "$1"
}
PROVISIOND=$root/target/release/provisiond FLOOR=$(program floor) LOAD=$(program load)
export PROVISIOND FLOOR LOAD PYTHONDONTWRITEBYTECODE=1
exec python3 "$here/cycle.py" "$@"
