#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What a search does not run again comes to the same as if it had been run: the
# same cases, and the same number of boots; and a canary is found by the same
# case.
set -u
sim="$SELVAGE_BUILD/bin/selvage-sim"
fail=0

# search COMMAND...: what it says, but for its seconds.
search() {
    "$@" 2>&1 | sed 's/ *[0-9.]* s  / /'
}

# same PROGRAM FLAGS...
same() {
    program=$1
    shift
    short=$(search "$program" cut --no-progress "$@")
    long=$(search "$program" cut --no-progress --no-shortcuts "$@")
    if [ "$short" != "$long" ]; then
        echo "FAILED: cut $*: with shortcuts"
        echo "$short"
        echo "and without"
        echo "$long"
        fail=1
    fi
    echo "$long" | grep ' cuts, '
}

same "$sim" --geometry 512x32-ff
same "$sim" --geometry 1024x16-00-ecc --flow update,lost --worn
same "$sim" --geometry mixed16-00 --flow revert,recover --strategy loader
same "$sim" --geometry 512x8-ff --flow crash --strategy swap --app script
same "$sim" --geometry 1024x32-00 --flow update --strategy stages --app script
same "$sim" --geometry 1024x32-00 --flow update,lost --strategy ram
same "$sim" --geometry 512x16-ff --flow update --strategy overwrite --app script
same "$sim" --geometry 1024x32-00 --flow watchdog --faults none --depth 2
same "$sim-canary" --break count-late --geometry 512x8-ff --flow update --jobs 1
same "$sim-canary" --break go-on --geometry 512x8-ff --flow update --jobs 1 \
    --strategy swap --app script
exit $fail
