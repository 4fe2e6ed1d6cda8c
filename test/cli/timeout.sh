#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What asks a server loses patience with one that takes the connection and says
# nothing, and with one that never comes to an end.
. "$(dirname "$0")/common.sh"
server=
trap '[ -n "$server" ] && kill "$server"; rm -rf "$work"' EXIT

echo token >token
head -c 5000 /dev/zero >a.bin
"$selvage" --quiet key generate author
"$selvage" --quiet manifest create --vendor example.com --class sensor \
    --sequence 1 --image a.bin --key author.pem -o 1.suit

# listen KIND: a server of that kind, whose address is in $at.
listen() {
    [ -n "$server" ] && kill "$server" && wait "$server" 2>/dev/null
    "$SELVAGE_BUILD/test/mute" "$1" >port &
    server=$!
    for _ in $(seq 1200); do
        [ -s port ] && break
        sleep 0.05
    done
    at="--server http://127.0.0.1:$(cat port) --token-file token"
}

# in_time SECONDS COMMAND...: fails as a server that is too slow, and soon.
in_time() {
    most=$1
    shift
    begin=$SECONDS
    expect 3 "the server took too long" timeout 60 "$@"
    [ $((SECONDS - begin)) -le "$most" ] ||
        complain "$((SECONDS - begin)) s instead of $most: $*"
}

export SELVAGE_TIMEOUT=1
listen silent
in_time 15 "$selvage" release list $at
in_time 15 "$selvage" device list $at
in_time 15 "$selvage" release publish 1.suit a.bin $at
expect 3 "SELVAGE_TIMEOUT=SECONDS" "$selvage" --json device show x $at
listen drip
in_time 20 "$selvage" release list $at

for wrong in 0 -1 3601 1.5 x 99999999999999999999; do
    SELVAGE_TIMEOUT=$wrong expect 2 "give seconds, 1 to 3600" \
        "$selvage" release list $at
done
finish
