#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# tools/run-board: it makes a board once and starts the same one again; --new
# makes another.
# usage: test/board/run_board.sh
set -u
ARGS=$*
. "$(dirname "$0")/lib.sh"

dir="$WORK/a board"
port=$((20000 + RANDOM % 10000)) # nobody has to listen there

# starts [option]: the board says what it boots, on our terminal.
starts()
{
    : > "$CONSOLE"
    "$ROOT/tools/run-board" --dir "$dir" --port $port "$@" < /dev/null \
        > "$CONSOLE" 2> "$WORK/errors" &
    BOARD=$!
    CHILDREN+=("$BOARD")
    board_wait 60 'app 1\.0\.0: slot A, sequence 1,'
    local status=$?
    board_kill
    return $status
}

key()
{
    cksum < "$dir/author.pem"
}

goes_on()
{
    first=$(key)
    starts && [ "$(key)" = "$first" ] && grep -q 'random boot 2' "$CONSOLE"
}

begins_anew()
{
    starts --new && [ "$(key)" != "$first" ]
}

# Cut before it was whole, the first run leaves a key and no flash.
mends()
{
    rm "$dir/flash.bin" && starts
}

check "run-board: a new board" starts
check "run-board: the same board" goes_on
check "run-board: --new" begins_anew
check "run-board: a board half made" mends
finish
