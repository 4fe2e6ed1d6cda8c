# SPDX-License-Identifier: Apache-2.0
#
# uboot_lib.sh - a Linux device that boots through U-Boot, for scenarios:
# partitions and environment are files, the environment is read and written by
# Debian's libubootenv-tool, and U-Boot is a function that does what its
# bootcount logic does. Sourced after lib.sh.
PATH=$PATH:/usr/sbin:/sbin

for tool in fw_printenv fw_setenv; do
    command -v "$tool" >/dev/null ||
        skip "$tool is not installed (Debian: libubootenv-tool)"
done

# machine DIR: a device with release `one` in partition A, and its environment.
machine() {
    M=$1
    mkdir -p "$M"
    "$FACTORY" "$M/state" 7 "$WORK/one.suit" "$WORK/one.a" || fail "factory"
    cp "$WORK/one.a" "$M/part-a"
    truncate -s 300000 "$M/part-a" "$M/part-b"
    truncate -s 8192 "$M/env-0" "$M/env-1"
    printf '%s 0x0 0x2000\n' "$M/env-0" "$M/env-1" >"$M/fw_env.config"
    printf 'bootdelay=0\nselvage_slot=A\nbootlimit=2\nbootcount=0\n' \
        >"$M/initial"
    # Twice, so that both copies are whole.
    for count in 0 0; do
        printf 'bootcount=%s\n' "$count" | fw_setenv -c "$M/fw_env.config" \
            -f "$M/initial" -s /dev/stdin 2>"$M/why" ||
            skip "fw_setenv does not work here: $(cat "$M/why")"
    done
    cat >"$M/uboot.conf" <<TEXT
# Where things are on this device.
slot-a = $M/part-a
slot-b = $M/part-b
env-config = $M/fw_env.config
cmdline = $M/cmdline
reboot = touch $M/rebooting
TEXT
    uboot
}

var() {
    fw_printenv -c "$M/fw_env.config" | sed -n "s/^$1=//p"
}

env_set() {
    printf '%s\n' "$@" | fw_setenv -c "$M/fw_env.config" -s /dev/stdin ||
        fail "the scenario cannot set $*"
}

# What U-Boot does at a reset [doc/api/bootcount of U-Boot]: with an update
# under way it counts; above the limit it runs altbootcmd, which here puts the
# other slot back; then it boots what the slot says.
uboot() {
    rm -f "$M/rebooting"
    if [ "$(var upgrade_available)" = 1 ]; then
        count=$(($(var bootcount) + 1))
        env_set "bootcount=$count"
        if [ "$count" -gt "$(var bootlimit)" ]; then
            case $(var selvage_slot) in
            A) other=B ;;
            *) other=A ;;
            esac
            env_set "selvage_slot=$other" upgrade_available=0 bootcount=0
        fi
    fi
    echo "console=ttyS0 root=/dev/mmcblk0p2 selvage.slot=$(var selvage_slot) ro" \
        >"$M/cmdline"
}

# once [flags]: the device runs, once, without a reboot; sets STATUS and OUT.
once() {
    device "$M/state" --bootloader "uboot:$M/uboot.conf" "$@"
}

# cycle [flags]: the same, and again after each reboot that it asks for.
cycle() {
    ALL=
    for boots in 1 2 3 4 5 6 7 8; do
        once "$@"
        ALL="$ALL$OUT
"
        [ "$STATUS" = 13 ] || return 0
        [ -e "$M/rebooting" ] || fail "13 without a reboot"
        uboot
    done
    fail "reboots without end: $ALL"
}

# part SLOT NAME: is that release's image in the partition?
part() {
    size=$(wc -c <"$WORK/$2.$1")
    cmp -s -n "$size" "$M/part-$1" "$WORK/$2.$1"
}

running() {
    sed 's/.*selvage.slot=\(.\).*/\1/' "$M/cmdline"
}
