#!/usr/bin/env bash
# Checks the images without Docker.
#
#   docker/check.sh          Dockerfile, compose.yaml and the seccomp profile (a minute, less when Go's cache is warm)
#   docker/check.sh build    also carries out the steps of the target worker in a Debian made by debootstrap, starts the
#                            worker's tools in it as compose.yaml would, and shows the level of the sandbox with the
#                            seccomp profile and without what it adds (root, debootstrap, bubblewrap; some 2 GB)
#
# What neither does: pull the base images and those of PostgreSQL, Temporal and S3, or run Docker or Compose.
set -euo pipefail
cd "$(dirname "$0")/check"
go vet .
go test -count=1 .
sh -n ../up
[ "${1:-}" = build ] || exit 0

root=${AGENTFACTORY_IMAGE_ROOTS:-$(mktemp -d)}
go build -o "$root/check" .
"$root/check" build -root "$root" -target worker
"$root/check" build -root "$root" -target build-starter
inside() { "$root/check" run -root "$root" -target worker -- "$@"; }

# The command line is no part of the worker's image; its doctor tells what a worker would find.
install -D -m 755 "$root/build-starter/out/starter" "$root/worker/opt/check/starter"
echo "== the worker's programs"
inside uv --version
inside node --version
inside python3 --version
inside chromium-headless-shell --version
doctor() { { inside /opt/check/starter doctor --json || true; } | python3 -c '
import json, sys
checks = {c["check"]: c for c in json.load(sys.stdin)["checks"]}
for name in ("sandbox", "bubblewrap", "sandbox egress", "packages", "browser"):
    if name in checks: print(name + ":", checks[name]["status"], "-", checks[name]["detail"])
level = checks["sandbox"]["detail"]
sys.exit(0 if level.startswith("level " + sys.argv[1]) else "the sandbox is not " + sys.argv[1] + ": " + level)' "$1"; }
echo "== with the seccomp profile"
doctor namespaced
echo "== with a profile that forbids namespaces, as Docker's own does"
CHECK_WITHOUT_NAMESPACES=1 doctor confined
echo "== a worker says what it lacks, and ends"
if inside worker; then echo "a worker without a bucket must not start"; exit 1; fi
