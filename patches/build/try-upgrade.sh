#!/bin/bash
# Proves `make upgrade` from a tree that has an older default release:
#   patches/build/try-upgrade.sh [COMMIT] [RELEASE]
# COMMIT is the commit before the upgrade to RELEASE. The upgrade runs in a
# temporary copy of it; build/ of this tree lends its cache.
set -euo pipefail
cd "$(dirname "$0")/../.."
release=${2:-$(sed -n 's/^MEDIAMTX ?= //p' Makefile)}
commit=${1:-$(git log -1 --format=%H --no-renames --diff-filter=A -- "patches/$release/release.json")^}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
git archive "$commit" | tar -x -C "$dir"
mkdir -p "$dir/build" && cp -r build/cache "$dir/build/" 2>/dev/null || true
cd "$dir"
git init -q . && git add -A
echo "from $(sed -n 's/^MEDIAMTX ?= //p' Makefile) to $release"
time make upgrade "V=$release"
grep -q "^MEDIAMTX ?= $release$" Makefile
