#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# streams.sh - programs that are started with standard streams closed: no file
# of theirs takes the number of one, so that nothing is printed into it.
. test/device/lib.sh
DEVICE=$BUILD/bin/selvage-device

# Loses the descriptors that $1 names, then runs the rest.
cat >"$WORK/without" <<'TEXT'
#!/bin/sh
closed=$1
shift
case $closed in *0*) exec <&- ;; esac
case $closed in *1*) exec >&- ;; esac
case $closed in *2*) exec 2>&- ;; esac
exec "$@"
TEXT
chmod +x "$WORK/without"

# Who waits for a server that is not there waits for less.
hasty() {
    (HASTE=20
        hasten "$@")
}

release one 1 20000
release two 2 30000
"$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
cp "$WORK/d/flash.bin" "$WORK/new.bin"

# factory_of FILE: the digest of its factory data.
factory_of() {
    head -c 4096 "$1" | sha256sum
}
SOUND=$(factory_of "$WORK/new.bin")

start "$WORK/s" || fail "selvaged does not start"
offer two
for closed in 0 1 2 01 02 12 012; do
    for flags in "" --json --quiet; do
        # Of what prints nothing more, once is enough.
        [ -z "$flags" ] || [ $closed = 1 ] || [ $closed = 2 ] || continue
        cp "$WORK/new.bin" "$WORK/d/flash.bin"
        hasty timeout 60 "$WORK/without" $closed "$DEVICE" --state "$WORK/d" \
            --server coap://127.0.0.1:9 --once $flags >"$WORK/out" 2>&1
        expect "closed $closed $flags, no server" $? 3
        expect "closed $closed $flags, no server: flash" \
            "$(factory_of "$WORK/d/flash.bin")" "$SOUND"
    done
    timeout 60 "$WORK/without" $closed "$DEVICE" --state "$WORK/d" \
        --server "$COAP" --once >"$WORK/out" 2>&1
    expect "closed $closed, an update" $? 0
    expect "closed $closed, an update: flash" \
        "$(factory_of "$WORK/d/flash.bin")" "$SOUND"
    device "$WORK/d"
    expect "closed $closed, afterwards" "$STATUS" 10
    has "closed $closed, afterwards" "$OUT" "slot B, sequence number 2, confirmed"
done
stop

# What is printed and what is written are not the same file.
for closed in 0 1 2 12 012; do
    rm -f "$WORK/key" "$WORK/key.pub"
    "$WORK/without" $closed "$BUILD/bin/selvage" key generate -o "$WORK/key" \
        >"$WORK/out" 2>&1
    case $closed in
    *1*) expect "selvage, closed $closed" $? 3 ;;
    *) expect "selvage, closed $closed" $? 0 ;;
    esac
    expect "selvage, closed $closed: the key" \
        "$(head -1 "$WORK/key")" "-----BEGIN PRIVATE KEY-----"
    expect "selvage, closed $closed: and no more" \
        "$(tail -1 "$WORK/key")" "-----END PRIVATE KEY-----"
done
cp "$WORK/new.bin" "$WORK/board.bin"
for closed in 1 2 12; do
    "$WORK/without" $closed "$BUILD/bin/selvage-board-flash" \
        --server nonsense "$WORK/board.bin" >"$WORK/out" 2>&1
    expect "selvage-board-flash, closed $closed" $? 2
    expect "selvage-board-flash, closed $closed: flash" \
        "$(factory_of "$WORK/board.bin")" "$SOUND"
done

# What was asked for and is not there is no success.
if [ -e /dev/full ]; then
    for words in "selvage-device --help" "selvage-device --version" \
        "selvage-device -h" "selvaged --help" "selvaged --version" \
        "selvage-board-flash --help" "selvage --help"; do
        "$BUILD/bin/"$words >/dev/full 2>"$WORK/err"
        expect "$words >/dev/full" $? 3
        has "$words >/dev/full" "$(cat "$WORK/err")" \
            "cannot write to standard output"
    done
fi

# Colours are for terminals that know them.
if command -v python3 >/dev/null; then
    cat >"$WORK/terminal.py" <<'TEXT'
import os, pty, sys
pid, fd = pty.fork()
if pid == 0:
    os.execvp(sys.argv[1], sys.argv[1:])
while True:
    try:
        text = os.read(fd, 4096)
    except OSError:
        break
    if not text:
        break
    os.write(1, text)
TEXT
    # told TERM: a refused image, in colours or not.
    told() {
        TERM=$1 hasty timeout 60 python3 "$WORK/terminal.py" "$DEVICE" \
            --state "$WORK/d" --server coap://127.0.0.1:9 --once |
            tr '\033' '!' >"$WORK/out"
    }
    dd if=/dev/zero of="$WORK/d/flash.bin" bs=4096 seek=75 count=1 \
        conv=notrunc status=none
    unset NO_COLOR
    told xterm
    has "a terminal" "$(cat "$WORK/out")" "![33mboot: slot B does not verify"
    expect "each colour has an end, and nothing else" \
        "$(grep -o '!\[3' "$WORK/out" | wc -l)" \
        "$(grep -o '!\[0m' "$WORK/out" | wc -l)"
    told dumb
    has "a dumb terminal" "$(cat "$WORK/out")" "boot: slot B does not verify"
    case $(cat "$WORK/out") in
    *"!["*) fail "a dumb terminal: $(cat "$WORK/out")" ;;
    esac
fi

# selvaged says where it listens on standard output, and must be able to.
timeout 60 "$WORK/without" 1 "$BUILD/bin/selvaged" --state "$WORK/t" \
    --listen 127.0.0.1:0 --http 127.0.0.1:0 >"$WORK/out" 2>&1
expect "selvaged, closed 1" $? 3
"$WORK/without" 2 "$BUILD/bin/selvaged" --state "$WORK/t" \
    --listen 127.0.0.1:0 --http 127.0.0.1:0 >"$WORK/ready" 2>/dev/null &
PID=$!
tries=0
while ! grep -q listening "$WORK/ready" && [ $tries -lt 6000 ]; do
    tries=$((tries + 1))
    sleep 0.01
done
has "selvaged, closed 2" "$(cat "$WORK/ready")" listening
stop
expect "selvaged, closed 2" "$STATUS" 0
finish
