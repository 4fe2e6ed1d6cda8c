# SPDX-License-Identifier: Apache-2.0
#
# test/fault/lib.sh - what the scripts here share, on top of test/board/lib.sh.
. "$(dirname "${BASH_SOURCE[0]}")/../board/lib.sh"
FAULT=$BUILD/bin/test/fault
PARTS=$WORK/parts

# bootloader: the ELF that the strategy's scenes are played with.
bootloader()
{
    echo "$IMAGES/$(boot_elf).elf"
}

# image ENTRY-SLOT-BASE LETTER: 192 bytes that the bootloader would start: a
# stack, an entry right behind, a loop, and something to be different in.
image()
{
    local i
    printf "$(le32 0x20004800)$(le32 $(($1 + 9)))"'\xfe\xe7'
    for i in $(seq 100 145); do
        printf '%s%d' "$2" "$i"
    done | head -c 182
}

# make_release NAME CLASS SEQUENCE KEY: NAME.a, NAME.b and NAME.envelope.
make_release()
{
    local CLASS=$2 SIGNER=$4 base=0x21009000
    if [ "$STRATEGY" != ab ] && [ "$STRATEGY" != recovery ]; then
        [ "$STRATEGY" = ram ] && base=0x20010000
        image $base "${1:0:1}" > "$PARTS/$1.a"
        cp "$PARTS/$1.a" "$PARTS/$1.b"
        from_example "parts/$1" "$3" "$PARTS/$1.a" &&
            mv "$PARTS/$1/envelope" "$PARTS/$1.envelope"
        return
    fi
    image 0x21009000 "${1:0:1}" > "$PARTS/$1.a"
    image 0x21049000 "${1:0:1}" > "$PARTS/$1.b"
    selvage manifest create --vendor $VENDOR --class "$2" --sequence "$3" \
        --version "1.$3" --image-a "$PARTS/$1.a" --image-b "$PARTS/$1.b" \
        --key "$WORK/$4.pem" -o "$PARTS/$1.envelope"
}

# What scene.c asks for. The keys are new each time, so that the numbers that
# the curve works on are, too.
make_parts()
{
    local loader=() SIGNER=own provisioned=${STRATEGY/recovery/ab}
    rm -rf "$PARTS" "$WORK"/own.* "$WORK"/strange.*
    mkdir -p "$PARTS"
    selvage key generate -o "$WORK/own.pem" &&
        selvage key export "$WORK/own.pem" -o "$WORK/own.pub" &&
        selvage key generate -o "$WORK/strange.pem" &&
        make_release 3 $CLASS 3 own &&
        make_release 5 $CLASS 5 own &&
        make_release 6 $CLASS 6 own &&
        make_release stranger $CLASS 6 strange &&
        make_release other toaster 6 own || return 1
    if [ "$STRATEGY" = loader ]; then
        image 0x21049000 l > "$PARTS/loader.bin"
        from_example parts/loader 1 "$PARTS/loader.bin" loader.json || return 1
        loader=(--loader "$PARTS/loader.bin"
            --loader-envelope "$PARTS/loader/envelope")
    fi
    selvage device provision --force --anchor "$WORK/own.pub" \
        --vendor $VENDOR --class $CLASS --image "$PARTS/5.a" \
        --envelope "$PARTS/5.envelope" --strategy "$provisioned" \
        "${loader[@]}" -o "$PARTS/base.bin"
}

# like_qemu SCENE, one that boots: our machine and QEMU's do the same, register by register,
# outside of the functions where the time goes, which what they return vouches
# for.
like_qemu()
{
    local elf flash=$WORK/qemu.bin log=$WORK/qemu.log ranges pid
    elf=$(bootloader)
    ranges=$(arm-none-eabi-nm -S -n "$elf" | awk '
        ($3 == "T" || $3 == "t") && $4 !~ \
        /^(mem(cpy|set|cmp|move)|fill|sha256_block|u256_.*|u288_.*|m256_.*|point_.*|scalar_.*|vectors)$/ {
            printf "%s0x%s+0x%s", comma, $1, $2; comma = "," }')
    "$FAULT" --strategy "$STRATEGY" --scene "$1" --flash "$flash" "$elf" "$PARTS" || return 1
    truncate -s 16777216 "$flash"
    : > "$CONSOLE"
    qemu-system-arm -M mps2-an385,memory-backend=flash \
        -object "memory-backend-file,id=flash,mem-path=$flash,size=16M,share=on" \
        -icount shift=5,sleep=off -display none -monitor none \
        -serial none -singlestep \
        -d cpu,exec,nochain -dfilter "$ranges" -D "$log" -kernel "$elf" &
    pid=$!
    CHILDREN+=("$pid")
    # It is over with the jump into the image.
    local jump
    jump=$(arm-none-eabi-objdump -d --no-show-raw-insn "$elf" | awk '
        is_it && $2 == "bx" { print "0x" substr($1, 1, length($1) - 1) }
        { is_it = $2 == "msr" && $3 == "MSP," }')
    jump=$(printf 'R15=%08x' "$jump")
    for _ in $(seq 1 200); do
        tail -c 2000 "$log" 2> /dev/null | grep -q "$jump" && break
        sleep 1
    done
    kill "$pid" 2> /dev/null
    wait "$pid" 2> /dev/null
    "$FAULT" --strategy "$STRATEGY" --scene "$1" --log "$log" --ranges "$ranges" "$elf" "$PARTS" \
        > "$WORK/same" || return 1
    cat "$WORK/same"
    [ "$(sed -n 's/.*: \([0-9]*\) instructions as in QEMU.*/\1/p' "$WORK/same")" -gt 10000 ]
}
