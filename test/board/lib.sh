# SPDX-License-Identifier: Apache-2.0
#
# test/board/lib.sh - helpers of the board's tests. Read by the scripts here,
# with BUILD (the folder with the images) set.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
RUN=$ROOT/ports/mps2-an385/run
WORK=$(mktemp -d)
PASSED=0
FAILED=0
CHILDREN=()

cleanup()
{
    local pid
    for pid in "${CHILDREN[@]}"; do
        kill "$pid" 2> /dev/null && wait "$pid" 2> /dev/null
    done
    rm -rf "$WORK"
}
trap cleanup EXIT

# check NAME COMMAND...: counts, and prints what failed.
check()
{
    local name=$1
    shift
    if "$@"; then
        PASSED=$((PASSED + 1))
        echo "ok   $name"
    else
        FAILED=$((FAILED + 1))
        echo "FAIL $name (rerun: $0 $ARGS)"
    fi
}

finish()
{
    echo "$PASSED passed, $FAILED failed"
    [ "$FAILED" -eq 0 ]
    exit
}

# le32 NUMBER: its four bytes, little endian, as printf escapes.
le32()
{
    printf '\\x%02x\\x%02x\\x%02x\\x%02x' $(($1 & 255)) $(($1 >> 8 & 255)) \
        $(($1 >> 16 & 255)) $(($1 >> 24 & 255))
}

# poke FILE OFFSET NUMBER...: write 32-bit words.
poke()
{
    local file=$1 offset=$2 bytes=
    shift 2
    for word in "$@"; do
        bytes+=$(le32 "$word")
    done
    printf "$bytes" |
        dd of="$file" bs=1 seek="$offset" conv=notrunc status=none
}

# peek FILE OFFSET: read a 32-bit word.
peek()
{
    od -An -tu4 -j "$2" -N 4 "$1" | tr -d ' '
}

# erased FILE: a flash file without anything in it.
erased()
{
    head -c 557056 /dev/zero | tr '\0' '\377' > "$1"
    truncate -s 16777216 "$1"
}

# fuse FILE LEFT MODE RANDOM: cut the power at the LEFT-th flash operation from
# now (0: only count). MODE: 1 before, 2 torn, 3 after.
FUSE=28672
fuse()
{
    poke "$1" $FUSE 0x45535546 "$2" "$3" "$4" 0
}
fuse_count()
{
    peek "$1" $((FUSE + 16))
}
