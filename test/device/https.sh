#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# https.sh - a static tree on a web server with a certificate: one that a CA of
# ours made, and those that the device must not take. nginx serves it, ranges
# included; openssl s_server what it can, which is the whole of a file.
. test/device/lib.sh
. test/device/web_lib.sh

if ! command -v openssl >/dev/null; then
    echo "skip: there is no openssl"
    exit 77
fi

cat >"$WORK/https.cnf" <<EOF
[ca]
default_ca = ours
[ours]
new_certs_dir = $WORK
database = $WORK/index
serial = $WORK/serial
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[here]
subjectAltName = IP:127.0.0.1
[there]
subjectAltName = DNS:elsewhere.example
EOF
: >"$WORK/index"
echo 01 >"$WORK/serial"

# ca NAME: a CA. certificate NAME EXTENSION END: one of CA good.
ca() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -keyout "$WORK/$1.key" -out "$WORK/$1.pem" -days 2 -subj "/CN=$1" \
        >"$WORK/out" 2>&1 || fail "ca: $(cat "$WORK/out")"
}
certificate() {
    openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -keyout "$WORK/$1.key" -out "$WORK/$1.csr" -subj "/CN=$1" \
        >"$WORK/out" 2>&1 || fail "request: $(cat "$WORK/out")"
    openssl ca -batch -notext -config "$WORK/https.cnf" -extensions "$2" \
        -cert "$WORK/good.pem" -keyfile "$WORK/good.key" \
        -startdate 20200101000000Z -enddate "$3" \
        -in "$WORK/$1.csr" -out "$WORK/$1.pem" >"$WORK/out" 2>&1 ||
        fail "certificate: $(cat "$WORK/out")"
}
ca good
ca bad
certificate here here 20991231000000Z
certificate there there 20991231000000Z
certificate late here 20210101000000Z

release one 1 20000
release two 2 30000
mkdir -p "$WORK/tree/i" "$WORK/tree/m/$VENDOR_TEXT"
cp "$WORK/two.suit" "$WORK/tree/m/$VENDOR_TEXT/$CLASS_TEXT"
for slot in a b; do
    cp "$WORK/two.$slot" "$WORK/tree/i/$(digest_of "$WORK/two.$slot")"
done

# serve NAME: the tree behind that certificate; sets SERVER and PORT.
serve() {
    : >"$WORK/server"
    (cd "$WORK/tree" && exec openssl s_server -accept 127.0.0.1:0 -WWW \
        -cert "$WORK/$1.pem" -key "$WORK/$1.key" \
        >"$WORK/server" 2>&1 </dev/null) &
    SERVER=$!
    PORT=
    tries=0
    while [ -z "$PORT" ] && [ "$tries" -lt 50 ]; do
        sleep 0.1
        tries=$((tries + 1))
        PORT=$(sed -n 's/^ACCEPT .*:\([0-9]*\)$/\1/p' "$WORK/server")
    done
    [ -n "$PORT" ] || fail "openssl s_server: $(cat "$WORK/server")"
}
serve_stop() {
    kill "$SERVER" 2>/dev/null
    wait "$SERVER" 2>/dev/null
}

# look STATUS WORDS [OPTION...]: a device asks; what comes of it.
look() {
    rm -rf "$WORK/d"
    "$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
    wanted=$1
    words=$2
    shift 2
    timeout 120 "$BUILD/bin/selvage-device" --state "$WORK/d" --once \
        --server "https://127.0.0.1:$PORT" "$@" >"$WORK/out" 2>&1
    STATUS=$?
    expect "status ($words): $(tail -n 3 "$WORK/out")" "$STATUS" "$wanted"
    has "$words" "$(cat "$WORK/out")" "$words"
}

# ---- nginx: the same certificates; and after a cut, the rest by a range.
if [ -n "$NGINX" ]; then
    for row in "here 0 good confirmed" "here 3 bad certificate" \
        "there 3 good subject" "late 3 good expired"; do
        # shellcheck disable=SC2086
        set -- $row
        NGINX_NAME=$1
        nginx_start "$WORK/tree" && PORT=${WEB##*:}
        look "$2" "$4" --ca "$WORK/$3.pem"
        web_stop
    done

    release three 3 200000
    cp "$WORK/three.suit" "$WORK/tree/m/$VENDOR_TEXT/$CLASS_TEXT"
    digest=$(digest_of "$WORK/three.b")
    cp "$WORK/three.b" "$WORK/tree/i/$digest"
    rm -rf "$WORK/d"
    "$FACTORY" "$WORK/d" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
    NGINX_NAME=here
    nginx_start "$WORK/tree" "limit_rate 60k;"
    "$BUILD/bin/selvage-device" --state "$WORK/d" --once --server "$WEB" \
        --ca "$WORK/good.pem" >"$WORK/out" 2>&1 &
    BAD_PID=$!
    tries=0
    until [ "$(grep -c "^downloading" "$WORK/out")" -ge 3 ] || [ $((tries += 1)) -gt 500 ]; do
        sleep 0.02
    done
    kill -9 "$BAD_PID"
    wait "$BAD_PID" 2>/dev/null
    BAD_PID=
    timeout 60 "$BUILD/bin/selvage-device" --state "$WORK/d" --once \
        --server "$WEB" --ca "$WORK/good.pem" >"$WORK/out" 2>&1
    expect "after a cut: $(tail -n 3 "$WORK/out")" "$?" 0
    from=$(sed -n 's/^downloading again from \([0-9]*\).*/\1/p' "$WORK/out")
    expect "it goes on behind a third" "$((${from:-0} > 66000))" 1
    has "and asks for the rest alone" \
        "$(grep "GET /i/$digest" "$WORK/nginx/access" | tail -n 1)" \
        " 206 $((200000 - ${from:-0})) "
    web_stop
    cp "$WORK/two.suit" "$WORK/tree/m/$VENDOR_TEXT/$CLASS_TEXT"
else
    echo "nginx is not here (tools/deps brings it): not tested with it"
fi

# ---- openssl s_server
serve here
look 0 "boot: slot B, sequence number 2, confirmed" --ca "$WORK/good.pem"
look 3 "certificate" --ca "$WORK/bad.pem"
look 3 "certificate"
look 3 "--ca $WORK/none: No such file" --ca "$WORK/none"
look 3 "certificate" --ca "$WORK/two.a"
serve_stop

serve there
look 3 "subject name" --ca "$WORK/good.pem"
serve_stop

serve late
look 3 "expired" --ca "$WORK/good.pem"
serve_stop
finish
