#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# uboot_cut.sh - the power goes at every look at U-Boot's environment and at
# every write of it: before, after, and with the copy that was being written
# torn; and now and then in a download. The update arrives all the same, and
# always an image that is whole is booted.
. test/device/lib.sh
. test/device/uboot_lib.sh

release one 1 20000
release two 2 200000
start "$WORK/s" || fail "selvaged does not start"
offer two
machine "$WORK/new"
cat >>"$M/uboot.conf" <<TEXT
fw-printenv = $WORK/m/printenv
fw-setenv = $WORK/m/setenv
TEXT
for tool in printenv setenv; do
    cat >"$M/$tool" <<TEXT
#!/bin/sh
# fw_$tool, at whose call number \$AT the power goes, in the manner of \$HOW.
cd "$WORK/m" || exit 9
calls=\$((\$(cat calls) + 1))
echo \$calls >calls
[ \$calls = "\$(cat at)" ] || exec fw_$tool "\$@"
echo $tool >cut
how=\$(cat how)
[ \$how = before ] || {
    cp env-0 old-0
    cp env-1 old-1
    fw_$tool "\$@"
}
if [ \$how = torn ]; then
    for copy in 0 1; do
        cmp -s env-\$copy old-\$copy ||
            dd if=old-\$copy of=env-\$copy bs=1 skip=20 seek=20 count=60 \
                conv=notrunc status=none
    done
fi
kill -9 \$PPID
TEXT
    chmod +x "$M/$tool"
done
sed -i "s|$WORK/new|$WORK/m|" "$M/uboot.conf" "$M/fw_env.config"

# renew: the new machine, switched on, with no cut to come.
renew() {
    rm -rf "$WORK/m"
    cp -R "$WORK/new" "$WORK/m"
    M=$WORK/m
    echo 0 >"$M/calls"
    echo 0 >"$M/at"
}

# arrives WHAT: from now on the power stays, and the update is confirmed.
arrives() {
    echo 0 >"$M/at"
    uboot
    case $(running) in
    A) part a one || fail "$1: A was booted and is not whole" ;;
    B) part b two || fail "$1: B was booted and is not whole" ;;
    esac
    for cycles in 1 2 3; do
        cycle
        [ "$STATUS" != 10 ] || break
    done
    expect "$1" "$STATUS" 10
    has "$1" "$OUT" "boot: slot B, sequence number 2, confirmed"
    has "$1" "$OUT" "accepted 2, floor 2"
    expect "$1: counting" "$(var upgrade_available)" 0
    expect "$1: what is not ours" "$(var bootdelay)" 0
    uboot
    expect "$1: then" "$(running)" B
}

# dark: the device from its first boot on, until the power goes.
dark() {
    uboot
    while once && [ "$STATUS" = 13 ] || [ "$STATUS" = 13 ]; do
        uboot
    done
}

cuts=0
for how in before after torn; do
    at=0
    while :; do
        at=$((at + 1))
        renew
        echo "$at" >"$M/at"
        echo "$how" >"$M/how"
        dark
        [ -e "$M/cut" ] || break
        expect "call $at, $how: the power went" "$STATUS" 137
        # A torn copy of what was only read is no case of its own.
        arrives "call $at ($(cat "$M/cut")), $how"
        cuts=$((cuts + 1))
    done
    [ "$at" -gt 5 ] || fail "only $at calls"
done

for ms in 020 060 100 150 200 300; do
    renew
    uboot
    "$BUILD/bin/selvage-device" --state "$M/state" --server "$COAP" --once \
        --bootloader "uboot:$M/uboot.conf" >/dev/null 2>&1 &
    sleep "0.$ms"
    kill -9 $! 2>/dev/null
    wait $! 2>/dev/null
    arrives "after $ms ms"
    cuts=$((cuts + 1))
done
echo "$cuts cuts"
stop
finish
