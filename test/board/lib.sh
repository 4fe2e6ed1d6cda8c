# SPDX-License-Identifier: Apache-2.0
#
# test/board/lib.sh - helpers of the board's tests. Read by the scripts here.
# BUILD is the folder of the host's build, IMAGES that of the board's images.
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
BUILD=${SELVAGE_BUILD:-$ROOT/build}
IMAGES=${SELVAGE_IMAGES:-$ROOT/build-board}
RUN=$ROOT/ports/mps2-an385/run
skip()
{
    echo "skip: $*"
    exit 77
}
[ -f "$IMAGES/boot.elf" ] || skip "no $IMAGES/boot.elf; run tools/build board"
command -v qemu-system-arm > /dev/null || skip "qemu-system-arm is not installed"
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
FUSE=557056
fuse()
{
    poke "$1" $FUSE 0x45535546 "$2" "$3" "$4" 0
}
fuse_count()
{
    peek "$1" $((FUSE + 16))
}

# ---- a board that runs -------------------------------------------------------

VENDOR=example.com
CLASS=board
CONSOLE=$WORK/console
BOARD=
SERVER=
PORT=0
LOADER=$IMAGES/loader.bin
SIGNER=author # whose key signs; a board trusts the author's

# board_start BOOT FLASH [run options]: in the background, with a new console.
board_start()
{
    local boot=$1 flash=$2
    shift 2
    : > "$CONSOLE"
    "$RUN" --uart "$CONSOLE" "$@" "$IMAGES/$boot.elf" "$flash" < /dev/null \
        > "$WORK/errors" 2>&1 &
    BOARD=$!
    CHILDREN+=("$BOARD")
}

# board_wait SECONDS PATTERN: until a line of the console matches.
board_wait()
{
    local left=$(($1 * 20))
    while ! grep -qE -- "$2" "$CONSOLE"; do
        left=$((left - 1))
        if [ $left -le 0 ] || ! kill -0 "$BOARD" 2> /dev/null; then
            echo "waited for: $2; the console says:"
            tail -n 20 "$CONSOLE" | sed 's/^/    /'
            cat "$WORK/errors"
            return 1
        fi
        sleep 0.05
    done
}

# board_kill: the power goes, now.
board_kill()
{
    [ -n "$BOARD" ] || return 0
    kill -9 "$BOARD" 2> /dev/null
    wait "$BOARD" 2> /dev/null
    BOARD=
}

# ---- releases ------------------------------------------------------------------

# selvage ARGUMENTS: our command line, quietly.
selvage()
{
    "$BUILD/bin/selvage" "$@" --quiet
}

# What the board's bootloader does with its slots: boot-$STRATEGY.elf.
STRATEGY=ab

# boot_elf [-cut]: the name of its bootloader.
boot_elf()
{
    case $STRATEGY in
    ab) echo "boot${1:-}" ;;
    *) echo "boot-$STRATEGY${1:-}" ;;
    esac
}

# app VERSION[-KIND] [-cut]: what to give release behind the number, for the
# slots or for the one place where images run.
app()
{
    case $STRATEGY in
    ab) echo "$IMAGES/app-$1-a${2:-}.bin $IMAGES/app-$1-b${2:-}.bin" ;;
    ram) echo "$IMAGES/app-$1-ram${2:-}.bin" ;;
    *) echo "$IMAGES/app-$1-a${2:-}.bin" ;;
    esac
}

# release NAME SEQUENCE IMAGE [IMAGE-B]: signs one.
release()
{
    mkdir -p "$WORK/$1"
    cp "$3" "$WORK/$1/a.bin"
    [ -f "$WORK/$SIGNER.pem" ] ||
        selvage key generate -o "$WORK/$SIGNER.pem" || return 1
    if [ $# -eq 3 ]; then
        from_example "$1" "$2" "$WORK/$1/a.bin"
        return
    fi
    cp "$4" "$WORK/$1/b.bin"
    selvage manifest create --vendor $VENDOR --class $CLASS \
        --sequence "$2" --version "$1" --image-a "$3" --image-b "$4" \
        --key "$WORK/$SIGNER.pem" -o "$WORK/$1/envelope"
}

# from_example NAME SEQUENCE IMAGE [FILE]: from the template of the strategy's
# example, or another one there.
from_example()
{
    local example
    case $STRATEGY in
    swap | overwrite) example=staged-$STRATEGY ;;
    ram) example=load-into-ram ;;
    loader) example=one-slot-and-loader ;;
    esac
    mkdir -p "$WORK/$1/parts"
    cp "$3" "$WORK/$1/parts/app.bin"
    cp "$3" "$WORK/$1/parts/loader.bin"
    sed "s/\"sequence-number\": [0-9]*/\"sequence-number\": $2/
        s/\"sensor\"/\"$CLASS\"/" \
        "$ROOT/examples/$example/${4:-template.json}" \
        > "$WORK/$1/parts/template.json"
    (cd "$WORK/$1/parts" && selvage manifest create \
        --template template.json --key "$WORK/$SIGNER.pem" -o ../envelope)
}

# serve NAME [OPTION...]: an update server with this release and nothing else;
# what images are asked for, --requests FILE says.
serve()
{
    serve_stop
    local image images=("${@:2}")
    for image in "$WORK/$1"/?.bin "$WORK/$1"/*.chunks; do
        [ -f "$image" ] || continue
        images+=(--image "$image")
    done
    : > "$WORK/server"
    "$BUILD/bin/test/hostile" --port "$PORT" --manifest "$WORK/$1/envelope" \
        "${images[@]}" > "$WORK/server" 2>&1 &
    SERVER=$!
    CHILDREN+=("$SERVER")
    for _ in $(seq 1 100); do
        PORT=$(sed -n 's/^listening .*:\([0-9]*\)$/\1/p' "$WORK/server")
        [ -n "$PORT" ] && return 0
        sleep 0.02
    done
    cat "$WORK/server"
    return 1
}

serve_stop()
{
    if [ -n "$SERVER" ]; then
        kill "$SERVER" 2> /dev/null
        wait "$SERVER" 2> /dev/null
    fi
    SERVER=
}

# factory FLASH RELEASE [options]: a new device with that release in slot A.
factory()
{
    local flash=$1 name=$2
    shift 2
    [ -f "$WORK/author.pub" ] ||
        selvage key export "$WORK/author.pem" -o "$WORK/author.pub" ||
        return 1
    local loader=()
    if [ "$STRATEGY" = loader ]; then
        from_example loader 1 "$LOADER" loader.json || return 1
        loader=(--loader "$LOADER" --loader-envelope "$WORK/loader/envelope")
    fi
    selvage device provision --force --anchor "$WORK/author.pub" \
        --vendor $VENDOR --class $CLASS --image "$WORK/$name/a.bin" \
        --envelope "$WORK/$name/envelope" --strategy "$STRATEGY" \
        "${loader[@]}" -o "$flash" &&
        "$BUILD/bin/selvage-board-flash" --server "10.0.2.2:$PORT" --poll 1 \
            "$@" "$flash"
}
