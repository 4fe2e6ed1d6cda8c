#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# selvage-sim relay: its command line, and datagrams through it.
set -u
sim="$SELVAGE_BUILD/bin/selvage-sim"
fail=0

# refuse STATUS WORDS ARGUMENTS...: it ends so, with these words.
refuse() {
    want=$1
    words=$2
    shift 2
    out=$(timeout 20 "$sim" relay "$@" 2>&1)
    got=$?
    case $got$out in
    "$want"*"$words"*) ;;
    *)
        echo "FAILED: relay $*: status $got, not $want with \"$words\":"
        echo "$out"
        fail=1
        ;;
    esac
}

to="--to 127.0.0.1:9"
# shellcheck disable=SC2086  # words are meant to be split
{
    refuse 0 "usage: selvage-sim relay" --help
    refuse 0 "802.15.4" -h
    refuse 2 "--to is missing"
    refuse 2 "--link is missing" $to
    refuse 2 "--to: 'here' is no HOST:PORT" --to here --link lossy
    refuse 2 "--to: 127.0.0.1:0 has no port" --to 127.0.0.1:0 --link lossy
    refuse 2 "--listen: 'x' is no HOST:PORT" $to --link lossy --listen x
    refuse 2 "--listen: other machines can reach 0.0.0.0:0" $to --link lossy \
        --listen 0.0.0.0:0
    refuse 2 "--link: loss=5: not a share" $to --link loss=5
    refuse 2 "--link: wobbly: neither" $to --link wobbly
    refuse 2 "--seed: 'x' is no number" $to --link lossy --seed x
    refuse 2 "--seed: '-1' is no number" $to --link lossy --seed -1
    refuse 2 "--rebind: '0' is not 1 to" $to --link lossy --rebind 0
    refuse 2 "--rebind and rebind-every are the same" $to --rebind 5 \
        --link rebind-every=1s
    refuse 2 "--ends: '257' is not 1 to 256" $to --link lossy --ends 257
    refuse 2 "no such flag: --fast" $to --link lossy --fast
    refuse 2 "no such flag: more" $to --link lossy more
    refuse 2 "--link needs a value" $to --link
    refuse 2 '{"error":"--link: no such key: \"\\","exit":2}' $to --json \
        --link '"\=5'
    # An address that another one has.
    first=$(mktemp) || exit 3
    "$sim" relay $to --link lossy --quiet >"$first" &
    pid=$!
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        [ -s "$first" ] && break
        sleep 0.2
    done
    taken=$(sed -n 's,^listening coap://,,p' "$first")
    refuse 3 "cannot listen on $taken: Address already in use" $to \
        --link lossy --listen "$taken"
    kill "$pid"
    wait "$pid" || { echo "FAILED: SIGTERM: status $?"; fail=1; }
    [ "$(wc -l <"$first")" = 1 ] || { echo "FAILED: --quiet"; fail=1; }
    rm -f "$first"
}

"$SELVAGE_BUILD/test/relay_probe" "$sim" || fail=1
exit $fail
