#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# selvage manifest with files that are no envelopes, or only half of one, and
# with files that cannot be read or written: what is wrong, where, and what to
# do, in every verb alike.
top=$PWD
. "$(dirname "$0")/common.sh"
manifest="$selvage manifest"

"$selvage" --quiet key generate author
yes a | head -c 5000 >a.bin
$manifest create --quiet --vendor example.com --class sensor --sequence 1 \
    --image a.bin --key author.pem -o e.suit
echo '{"vendor": "example.com", "class": "sensor",
       "components": [{"id": "app"}]}' >device.json
size=$(wc -c <e.suit)

# each CODE TEXT FILE: said of this file by every verb that reads one.
each() {
    expect "$1" "$2" $manifest show "$3"
    expect "$1" "$2" $manifest show --json "$3"
    expect "$1" "$2" $manifest lint "$3"
    expect "$1" "$2" $manifest diff e.suit "$3"
    expect "$1" "$2" $manifest diff "$3" e.suit
    expect "$1" "$2" $manifest extract "$3" --all parts
    expect "$1" "$2" $manifest extract "$3" --manifest -o part
    expect "$1" "$2" $manifest sign "$3" --key author.pem -o signed
    for left in parts part signed; do
        [ -e $left ] && complain "$left was left by $3"
    done
}

: >empty
each 1 "empty is empty: not a SUIT envelope" empty
expect 1 "empty: refused: the file is empty" \
    $manifest verify empty --key author.pem
expect 1 '"verdict": "refused"' $manifest verify --json empty --key author.pem
for at in 1 3 60 $((size - 1)); do
    head -c $at e.suit >cut
    each 1 "; expected: a whole item" cut
    each 1 '`selvage manifest verify`' cut
done
expect 1 "cut: not a whole" "$selvage" release publish cut --static tree
expect 1 "; expected: a whole item" \
    "$selvage" release publish cut --static tree
expect 1 "; expected: a whole item" \
    "$selvage" release publish cut --server http://127.0.0.1:9
[ -e tree/m ] && complain "a cut envelope was published"
# The same words as verify has, and so the same byte.
head -c 200 e.suit >cut
expect 1 "" $manifest verify cut --key author.pem
place=$(grep -o 'at byte [0-9]* of the envelope' err)
each 1 "$place" cut
echo hello >text
each 1 "at byte 0 of the envelope; expected: tag 107" text

# Templates and device files: the file, the place, and what belongs there.
template() {
    echo "$2" >bad.json
    expect 1 "bad.json:$1" $manifest create --template bad.json -o made
    expect 1 "bad.json:$1" $manifest lint --template bad.json
    [ -e made ] && complain "made of $2"
}
template "1:4: not JSON: " 'null'
template "1:23: not JSON: string or '}'" '{"sequence-number": 1,}'
template "1:40: duplicate object key" \
    '{"sequence-number": 1, "sequence-number" : 2}'
template "1:39: too big integer near '9223372036854775808'; numbers end at" \
    '{"sequence-number": 9223372036854775808}'
template " template: not a JSON object" '[]'
template ' template.components: give a list' '{"sequence-number": 1}'
template ' template.sequence-number: "18446744073709551616" is not' \
    '{"sequence-number": "18446744073709551616", "components": ["a"]}'
mkdir folder
echo '{"sequence-number": 1, "components": ["a"], "install": [3]}' >folder/t
expect 1 "folder/t: template.install[0]" $manifest create --template folder/t \
    -o made
for bad in '[]' '{}' '{"vendor": 3}' \
    '{"vendor": "a.b", "class": "c", "components": "app"}'; do
    echo "$bad" >bad.json
    expect 1 "bad.json: device: " \
        $manifest verify e.suit --key author.pem --device bad.json
    expect 1 "bad.json: device: " \
        $manifest simulate e.suit --key author.pem --device bad.json
done

# Deeper than any device goes, and than any tool looks.
for depth in 5 16 17 400; do
    nested='"abort"'
    for _ in $(seq $depth); do
        nested="{\"run-sequence\": [$nested]}"
    done
    echo "{\"sequence-number\": 1, \"components\": [\"app\"],
        \"install\": [$nested]}" >deep.json
    expect 1 "devices take 4 (SELV_SUIT_DEPTH_MAX)" \
        $manifest lint --template deep.json
    grep -q malformed out && complain "$depth deep is called malformed"
    case $depth in
    5 | 16) words="nested $depth deep" ;;
    *) words="nested more than 16 deep" ;;
    esac
    grep -qF "$words" out || complain "no \"$words\" at depth $depth"
done

# Outputs that cannot be, by their own names.
expect 3 "selvage: cannot make the folder a.bin: " \
    $manifest extract e.suit --all a.bin
expect 3 "selvage: cannot make the folder no/where: " \
    $manifest extract e.suit --all no/where
expect 3 "cannot write /dev/full" $manifest sign e.suit --key author.pem \
    -o /dev/full
$manifest extract e.suit --manifest -o /dev/stdout >/dev/full 2>err
[ $? = 3 ] && [ "$(wc -l <err)" = 1 ] ||
    complain "a full standard output is told otherwise: $(cat err)"
expect 1 "e.suit: that is not the text" \
    $manifest extract e.suit --put text=a.bin -o made
expect 2 '--put: "text" is not NAME=FILE' \
    $manifest extract e.suit --put text -o made
[ -e made ] && complain "a refused command left a file"

# A verb that there is not: those that there are.
expect 2 'manifest: no such verb "shw"; it has create, sign, verify, show' \
    $manifest shw e.suit
expect 2 'a verb is missing behind "key": generate, export, show' \
    "$selvage" key
expect 0 "simulate" $manifest help

# The help says where files and output are described.
for verb in create verify show lint diff simulate; do
    expect 0 "docs/spec/manifest-" $manifest $verb --help
    for named in $(grep -o 'docs/spec/[a-z-]*\.md' out); do
        [ -e "$top/$named" ] || complain "$verb --help names $named"
    done
done

# Files that are none.
each 3 "name a file, not a folder" .
each 3 "check the path" missing
expect 3 "longer than" $manifest show /dev/zero
finish
