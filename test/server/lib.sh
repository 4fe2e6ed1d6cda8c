# SPDX-License-Identifier: Apache-2.0
#
# lib.sh - what the server's scenarios share. Sourced by each, in the top
# folder of the project; SELVAGE_BUILD names the build folder.
#
# A scenario prints a line for each failure and ends with `finish`, which
# exits 1 when there was one. Whatever happens, the server that it started is
# stopped and its folder is removed.
set -u
BUILD=${SELVAGE_BUILD:-build}
KIT=$BUILD/test/server_kit
WORK=$(mktemp -d "${TMPDIR:-/tmp}/selvage-server.XXXXXX")
PID=
FAILED=0
PASSED=0
VENDOR="h'fa6b4a53d5ad5fdfbe9de663e4d41ffe'"
CLASS="h'1492af1425695e48bf429b2d51f2ab45'"
VENDOR_TEXT=fa6b4a53-d5ad-5fdf-be9d-e663e4d41ffe
CLASS_TEXT=1492af14-2569-5e48-bf42-9b2d51f2ab45

cleanup() {
    if [ -n "$PID" ]; then
        kill -9 "$PID" 2>/dev/null
        wait "$PID" 2>/dev/null
    fi
    if [ -n "${MOUNTED:-}" ]; then
        umount "$MOUNTED" 2>/dev/null
    fi
    rm -rf "$WORK"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

skip() {
    echo "skip: $*"
    exit 77
}

for tool in curl coap-client-notls sha256sum; do
    command -v "$tool" >/dev/null || skip "$tool is not installed"
done

# True when selvaged was built with the address sanitizer.
is_sanitized() {
    nm "$BUILD/bin/selvaged" 2>/dev/null | grep -q __asan_init
}

fail() {
    echo "FAILED: $*"
    FAILED=$((FAILED + 1))
}

pass() {
    PASSED=$((PASSED + 1))
}

# expect WHAT GOT WANTED
expect() {
    if [ "$2" = "$3" ]; then
        pass
    else
        fail "$1: got '$2', wanted '$3'"
    fi
}

# has WHAT TEXT PIECE
has() {
    case $2 in
    *"$3"*) pass ;;
    *) fail "$1: '$3' is not in '$2'" ;;
    esac
}

finish() {
    echo "$PASSED checks passed, $FAILED failed"
    [ "$FAILED" = 0 ]
    exit
}

# start STATE [flags]: run a server on free ports and wait for its ready line.
# Sets PID, COAP, HTTP and TOKEN; false when it did not get ready.
start() {
    state=$1
    shift
    : >"$WORK/ready"
    "$BUILD/bin/selvaged" --state "$state" --listen 127.0.0.1:0 \
        --http 127.0.0.1:0 "$@" >"$WORK/ready" 2>>"$WORK/log" &
    PID=$!
    tries=0
    while ! grep -q listening "$WORK/ready"; do
        tries=$((tries + 1))
        if [ "$tries" -gt 6000 ] || ! kill -0 "$PID" 2>/dev/null; then
            wait "$PID"
            STATUS=$?
            PID=
            return 1
        fi
        sleep 0.01
    done
    COAP=$(sed 's/.*\(coap:[^ ]*\).*/\1/' "$WORK/ready")
    HTTP=$(sed 's/.*\(http:[^ ]*\).*/\1/' "$WORK/ready")
    TOKEN=$(cat "$state/token")
    return 0
}

# stop [signal]: STATUS becomes its exit code.
stop() {
    kill "-${1:-TERM}" "$PID"
    wait "$PID" 2>/dev/null
    STATUS=$?
    PID=
}

# http METHOD PATH [curl flags]: sets CODE and BODY (its first 2000 bytes),
# headers in $WORK/headers, the whole body in $WORK/body.
http() {
    method=$1
    path=$2
    shift 2
    : >"$WORK/body"
    CODE=$(curl -s -m 60 -X "$method" -D "$WORK/headers" -o "$WORK/body" \
        -w '%{http_code}' "$@" "$HTTP$path")
    BODY=$(head -c 2000 "$WORK/body" | tr -d '\0')
}

# The same with our token.
api() {
    method=$1
    path=$2
    shift 2
    http "$method" "$path" -H "Authorization: Bearer $TOKEN" "$@"
}

# coap METHOD PATH OUT [coap-client flags]: the payload goes to OUT. The
# client's exit code says nothing, so judge by the file and by LOG.
coap() {
    method=$1
    path=$2
    out=$3
    shift 3
    : >"$out"
    LOG=$(timeout "${COAP_TIME:-10}" coap-client-notls -m "$method" -B 8 -o "$out" "$@" "$COAP$path" 2>&1)
}

digest_of() {
    sha256sum "$1" | cut -c1-64
}

# image FILE BYTES: random bytes; sets DIGEST.
image() {
    head -c "$2" /dev/urandom >"$1"
    DIGEST=$(digest_of "$1")
}

# manifest NUMBER DIGEST SIZE [URI]: the manifest's text.
manifest() {
    echo "{1: 1, 2: $1, 3: <<{2: [[h'00']], 4: <<[20, {1: $VENDOR, 2: $CLASS,
        3: <<[-16, h'$2']>>, 14: $3}, 1, 15, 2, 15]>>}>>, 7: <<[3, 15]>>,
        9: <<[23, 2]>>, 20: <<[20, {21: \"${4:-/i/$2}\"}, 21, 2, 3, 15]>>,
        23: <<{\"en\": {1: \"release $1\", [h'00']: {6: \"1.$1.0\"}}}>>}"
}

# publish FILE: sets CODE and BODY.
publish() {
    api POST /api/v1/releases -H "Content-Type: application/suit-envelope+cose" \
        --data-binary "@$1"
}

# profile OUT DEVICE_ID_HEX NUMBER DIGEST: what a device sends to /reg.
profile() {
    "$KIT" cbor "$1" "{1: 1, 2: h'$2', 3: $VENDOR, 4: $CLASS, 5: [{1: [h'00'],
        2: $3, 3: h'$4', 4: 0, 5: \"1.$3.0\"}], 6: 2048, 7: 100000,
        8: {1: 1, 2: $3, 3: $3}}"
}

# status OUT STATE NUMBER DIGEST ERROR RESULT: what a device sends to /s.
status() {
    "$KIT" cbor "$1" "{1: 1, 2: {3: [], 4: $6, 99: [\"\", [-16, h'$4']]},
        3: $2, 4: $3, 5: {1: [h'00'], 2: $3, 3: h'$4', 4: 0}, 6: $5}"
}
