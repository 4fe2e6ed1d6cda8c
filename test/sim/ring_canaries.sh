#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# ring_canaries.sh: lib/store/ring.c, with one of the things left out on which
# journal and log rest, in the simulator. The power-cut search catches each.
# (Those of selvage-sim-canary are journals of their own.)
# usage: test/sim/ring_canaries.sh [NAME...]
set -u
cd "$(dirname "$0")/../.." || exit 3
build=$(cd "${SELVAGE_BUILD:-build}" && pwd) || exit 3
work=$(mktemp -d) || exit 3
trap 'rm -rf "$work"' EXIT
names=" $* "
good=0
bad=0

# plant NAME SED: $work/NAME, the simulator with that ring. An object that is
# given to the linker comes before those in libraries.
plant()
{
    sed -E "$2" lib/store/ring.c >"$work/ring.c"
    cmp -s "$work/ring.c" lib/store/ring.c &&
        { echo "$1: ring.c is as before"; return 1; }
    compile=$(ninja -C "$build" -t commands selvage-sim |
        grep -- ' -c .*/lib/store/ring.c$' |
        sed -E "s/ -M[TF] [^ ]+//g; s/ -MD//; s/ -o .*//")
    link=$(ninja -C "$build" -t commands selvage-sim |
        grep -- ' -o bin/selvage-sim ' | sed -E 's/^: && //; s/ && :$//')
    (cd "$build" &&
        eval "$compile -w -o '$work/ring.o' -c '$work/ring.c'" &&
        eval "$(echo "$link" |
            sed "s| -o bin/selvage-sim | $work/ring.o -o $work/$1 |")")
}

# canary NAME SED ARGUMENT...: these searches find it.
canary()
{
    name=$1
    case $names in
    "  " | *" $name "*) ;;
    *) return ;;
    esac
    if ! plant "$name" "$2" >"$work/said" 2>&1; then
        sed 's/^/    /' "$work/said"
        echo "FAILED: $name cannot be built"
        bad=$((bad + 1))
        return
    fi
    shift 2
    "$work/$name" cut --no-progress --app script "$@" >"$work/said" 2>&1
    if [ $? = 1 ]; then
        grep -m 1 -A 1 FAULT "$work/said" | tail -n 1
        echo "ok   ring canary: $name"
        good=$((good + 1))
    else
        cat "$work/said"
        echo "FAILED: ring canary: $name (rerun: $0 $name)"
        bad=$((bad + 1))
    fi
}

# A record goes to one sector only.
canary one-sector \
    's/if \(!put\(ring, second, second->end < first->end, p\)\)/if (false)/' \
    --flow update --geometry 512x8-ff
# What only one sector holds counts as settled.
canary settled 's/ring->is_alone = .*/ring->is_alone = false;/' \
    --flow update --geometry 512x8-ff
# A record goes behind one that is older than the newest.
canary stale 's/^        close\(ring, &s\[n \^ 1u\]\);//' \
    --flow update --geometry 1024x32-00
# The sector that has less room comes first.
canary full-first 's/if \(first->end >= second->end\)/if (first->end < second->end)/' \
    --flow update --geometry 512x8-ff
# What was torn is written over.
canary written-over 's/^    s->end = end;/    s->end = end; s->room = end;/' \
    --flow update --geometry 512x8-ff
# Each record begins both sectors anew.
canary erase-first \
    's/return \(!is_anew && append\(ring, s, record\)\) \|\| begin/return begin/' \
    --flow update --geometry 512x8-ff
# The first record stands in sector 0 once: two cuts in a row.
canary born-once 's/\(append\(ring, first, p\) \|\| true\) && //' \
    --replay script/ab/update/1024x32-00/1/0.18,1.2

echo "$good passed, $bad failed"
[ "$bad" = 0 ] && [ "$good" != 0 ]
