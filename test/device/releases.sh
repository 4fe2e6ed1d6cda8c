# SPDX-License-Identifier: Apache-2.0
#
# releases.sh - releases for strategies other than A/B. Sourced after lib.sh.

# staged NAME NUMBER BYTES DIRECTIVE: $WORK/NAME.{a,suit}, signed; 22 copies,
# 31 swaps.
staged() {
    image "$WORK/$1.a" "$3"
    "$KIT" envelope "$WORK/$1.suit" "{1: 1, 2: $2, 3: <<{2: [[h'00'],
        [h'00', h'73']], 4: <<[12, [0, 1], 20, {1: $VENDOR, 2: $CLASS,
        3: <<[-16, h'$DIGEST']>>, 14: $3}, 1, 15, 2, 15]>>}>>,
        7: <<[12, 0, 3, 15]>>, 9: <<[12, 0, 23, 2]>>,
        16: <<[12, 1, 20, {21: \"/i/$DIGEST\"}, 21, 2, 3, 15]>>,
        20: <<[12, 0, 20, {22: 1}, $4, 2, 3, 15]>>,
        23: <<{\"en\": {[h'00']: {6: \"1.$2.0\"}}}>>}" ||
        fail "kit: release $1"
}

# loaded NAME NUMBER BYTES: one image for either slot, loaded into RAM.
loaded() {
    image "$WORK/$1.a" "$3"
    "$KIT" envelope "$WORK/$1.suit" "{1: 1, 2: $2, 3: <<{2: [[h'00'],
        [h'00', h'72']], 4: <<[12, [0, 1], 20, {1: $VENDOR, 2: $CLASS,
        3: <<[-16, h'$DIGEST']>>, 14: $3}, 1, 15, 2, 15]>>}>>,
        7: <<[12, 0, 3, 15]>>, 8: <<[12, 1, 20, {22: 0}, 22, 2, 3, 15]>>,
        9: <<[12, 1, 23, 2]>>, 16: <<[12, 0, 20, {21: \"/i/$DIGEST\"}, 21, 2,
        3, 15]>>, 23: <<{\"en\": {[h'00']: {6: \"1.$2.0\"}}}>>}" ||
        fail "kit: release $1"
}

put() {
    api PUT "/api/v1/images/$(digest_of "$WORK/$1.a")" \
        --data-binary "@$WORK/$1.a" -H "Content-Type:"
    publish "$WORK/$1.suit"
    expect "publish $1" "$CODE" 201
}

# loader NAME NUMBER BYTES: what goes to slot B of a device with a loader.
loader() {
    image "$WORK/$1.a" "$3"
    "$KIT" envelope "$WORK/$1.suit" "{1: 1, 2: $2, 3: <<{2: [[h'00', h'6c']],
        4: <<[20, {1: $VENDOR, 2: $CLASS, 3: <<[-16, h'$DIGEST']>>, 14: $3}, 1,
        15, 2, 15]>>}>>, 7: <<[3, 15]>>, 9: <<[23, 2]>>}" ||
        fail "kit: loader $1"
}
