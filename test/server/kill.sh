#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# kill.sh - kill -9 in the middle of uploads, publishes, registrations and
# reports, again and again: what was acknowledged must be there, whole, after
# each restart, and nothing half-written may be served.
#
# usage: kill.sh [ROUNDS]
. test/server/lib.sh
ROUNDS=${1:-20}
ACKED=$WORK/acked
COAP_TIME=0.2 # the client would wait longer for a server that is gone
: >"$ACKED"

# One operator: uploads and publishes until the server is gone. Each line of
# the acked file is written after the answer has come.
operator() {
    n=$1
    while :; do
        n=$((n + 1))
        image "$WORK/o.image" $((1000 + RANDOM * 4))
        size=$(stat -c %s "$WORK/o.image")
        api PUT "/api/v1/images/$DIGEST" -T "$WORK/o.image"
        [ "$CODE" = 201 ] || return
        echo "image $DIGEST" >>"$ACKED"
        "$KIT" envelope "$WORK/o.env" "$(manifest $n "$DIGEST" "$size")"
        publish "$WORK/o.env"
        [ "$CODE" = 201 ] || return
        echo "release $(echo "$BODY" | sed 's/{"digest":"\([0-9a-f]*\).*/\1/') $(
            digest_of "$WORK/o.env")" >>"$ACKED"
    done
}

# One fleet: registers and reports until the server is gone.
fleet() {
    n=$1
    while :; do
        n=$((n + 1))
        id=$(printf '%032x' $n)
        profile "$WORK/f.profile" "$id" 1 "$(printf '%064x' $n)"
        coap post /reg "$WORK/f.id" -t 60 -f "$WORK/f.profile"
        got=$(cat "$WORK/f.id")
        [ ${#got} = 16 ] || return
        echo "device $got $id" >>"$ACKED"
        status "$WORK/f.status" 8 "$n" "$(printf '%064x' $n)" 0 true
        coap post "/s?d=$got" "$WORK/f.out" -t 60 -f "$WORK/f.status" -v 7
        case $LOG in
        *c:2.04*) echo "report $got $n" >>"$ACKED" ;;
        *) return ;;
        esac
    done
}

verify() {
    while read -r kind a b; do
        case $kind in
        image)
            http GET "/i/$a"
            expect "image $a" "$(digest_of "$WORK/body")" "$a"
            ;;
        release)
            api GET "/api/v1/releases/$a"
            expect "release $a" "$CODE" 200
            http GET "/i/$b"
            expect "envelope $b" "$(digest_of "$WORK/body")" "$b"
            ;;
        device)
            api GET "/api/v1/devices/$a"
            has "device $a" "$(echo "$BODY" | tr -d -)" "\"device_id\":\"$b\""
            ;;
        report)
            api GET "/api/v1/devices/$a"
            has "report of $a" "${BODY#*reports}" "\"sequence_number\":$b,"
            ;;
        esac
    done
}

start "$WORK/state" || { cat "$WORK/log"; exit 1; }
for round in $(seq "$ROUNDS"); do
    operator $((round * 1000)) &
    one=$!
    fleet $((round * 1000)) &
    two=$!
    sleep "0.1$((RANDOM % 10))"
    stop KILL
    wait $one $two
    if ! start "$WORK/state"; then
        fail "round $round: no start after kill -9"
        tail -n 3 "$WORK/log"
        finish
    fi
    # The last answers before the kill now, all of them at the end.
    tail -n 3 "$ACKED" >"$WORK/new"
    verify <"$WORK/new"
    expect "temporary files after a start" \
        "$(find "$WORK/state/images/tmp" -type f | wc -l)" 0
done
# The whole history, and every file under its own name.
verify <"$ACKED"
for file in $(find "$WORK/state/images" -type f); do
    name=${file%/*}
    expect "name of $file" "$(digest_of "$file")" "${name##*/}${file##*/}"
done
stop
expect "exit code" "$STATUS" 0
echo "$ROUNDS kills, $(wc -l <"$ACKED") answers checked:" \
    "$(cut -d' ' -f1 "$ACKED" | sort | uniq -c | tr -s ' \n' ' ')"
finish
