#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What make conformance says of VECTORS, before anything is built.
set -u
cd "$(dirname "$0")/../.." || exit 3
failed=0

# expect STATUS WORDS VECTORS
expect() {
    said=$(test/conformance/run --check "$3" 2>&1)
    got=$?
    if [ "$got" != "$1" ] || [ -n "${2:+x}" ] && [ -n "${said##*"$2"*}" ]; then
        echo "FAILED: VECTORS=$3: exit $got, \"$said\""
        failed=1
    fi
}

expect 0 "" ""
expect 2 "there is no such folder" /none-of-that-name
expect 2 "the project's own vectors" test/vectors
expect 2 "the project's own vectors" test/vectors/suit
expect 3 "has no suit/index.json" docs
grep -q '^conformance: build' Makefile && {
    echo "FAILED: make conformance builds before it looks"
    failed=1
}
exit "$failed"
