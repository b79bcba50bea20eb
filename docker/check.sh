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
inside() { "$root/check" run -root "$root" -target worker -- "$@"; }

echo "== the programs of the image, as its user"
inside uv --version
inside node --version
inside python3 --version
inside sh -c 'id; grep -E "CapBnd|NoNewPrivs|Seccomp:" /proc/self/status'

# What a subagent must not be able to do is tried in the container: the tests of the sandbox are one static program.
(cd ../.. && CGO_ENABLED=0 go test -c -o "$root/sandbox.test" ./internal/sandbox)
install -D -m 755 "$root/sandbox.test" "$root/worker/opt/check/sandbox.test"
sandbox() { inside env AGENTFACTORY_TEST_REQUIRE="$1" /opt/check/sandbox.test -test.v -test.timeout 5m -test.run 'MustNotBeAbleToDo|WithoutEgress'; }
page() { inside chromium-headless-shell --dump-dom 'data:text/html,<p>seen</p>' 2>/dev/null; }

echo "== with the seccomp profile: both levels of the sandbox, and Chromium in its own"
sandbox all
page | grep -q seen

echo "== with a profile that forbids namespaces, as Docker's own does: the weaker level, and no Chromium"
export CHECK_WITHOUT_NAMESPACES=1
sandbox "" | tee "$root/confined.txt"
grep -q 'PASS: .*/confined' "$root/confined.txt"
if grep -q 'PASS: .*/namespaced' "$root/confined.txt" || page; then echo "namespaces are made that the profile forbids"; exit 1; fi
unset CHECK_WITHOUT_NAMESPACES

echo "== a worker that lacks its settings says so and ends"
if inside /usr/local/bin/worker; then echo "a worker without a bucket must not start"; exit 1; fi
echo "docker: the worker's image is as it should be"
