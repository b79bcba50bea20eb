#!/usr/bin/env bash
# Fails when a module that is linked into a program has a licence that is unknown or not
# allowed, and when docs/licences.md is not what it should be.
set -euo pipefail
cd "$(dirname "$0")/.."
go run ./internal/licences
