#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# selvage manifest simulate: what it tells, exit codes, faults, the device as
# it is afterwards, and wrong input. The common cases are examples/.
. "$(dirname "$0")/common.sh"

"$selvage" --quiet key generate author
"$selvage" --quiet key generate stranger
yes a | head -c 5000 >a.bin
yes b | head -c 6000 >b.bin
create="$selvage --quiet manifest create --vendor example.com --class sensor"
$create --sequence 2 --image-a a.bin --image-b b.bin --key author.pem -o 2.suit
$create --sequence 3 --image-a b.bin --image-b a.bin --key author.pem -o 3.suit
$create --sequence 3 --image-a a.bin --image-b b.bin --key author.pem -o 3b.suit
echo '{"vendor": "example.com", "class": "sensor", "sequence_number": 1,
       "bootloader": "boot-select",
       "components": [{"id": "app", "slot": 1, "slots": 2}]}' >device.json
simulate="$selvage manifest simulate --key author.pub.pem"

# What ran, in order, with reasons.
expect 0 "the device runs app" $simulate 2.suit --device device.json
cp out story
tells() {
    tr '\n' ' ' <story | sed 's/  */ /g' | grep -qE -e "$1" || {
        complain "the story does not tell: $1"
        cat story
    }
}
tells 'verified with author.pub.pem'
tells 'update \(profile consumer\) shared sequence, before install'
tells 'vendor-identifier app: the device.s vendor is example.com, as wanted'
tells 'sequence 1 .* component-slot app: fails: the device.s slot is 1, the manifest wants 0 sequence 2, since the one before failed'
tells 'end of try-each app: that sequence was good: enough'
tells 'fetch app: /i/[0-9a-f]{16}\.\., 6000 bytes: the server has it'
tells 'image-match app: digest is sha-256 [0-9a-f]{16}\.\., as wanted'
tells 'shared sequence, before validate as before: [0-9]+ commands'
tells 'invocation \(profile boot-select\)'
tells 'invoke app: it runs'
tells 'app slot 1 now 6000 bytes'
awk 'length > 80' story | grep . && complain "lines over 80 columns"

# As JSON, in full.
expect 0 '"verdict": "success"' $simulate --json 2.suit --device device.json
for words in '"command": "component-slot"' '"invoked": "app"' \
    '"procedure": "invocation"' '"reported": true' '"sequence": 2' \
    '"error": "SELV_ERR_SUIT_SLOT"'; do
    grep -qF "$words" out || complain "JSON lacks $words"
done

# One procedure only.
expect 0 "update (profile" $simulate 2.suit --device device.json --procedure update
grep -q invocation out && complain "the invocation ran uncalled for"
expect 1 "the component is empty" \
    $simulate 2.suit --device device.json --procedure invocation

# The device afterwards takes the next manifest in its other slot.
expect 0 "" $simulate 2.suit --device device.json --install after.json
grep -q '"slot": 0' after.json || complain "the slots are not exchanged"
grep -q '"sequence_number": 2' after.json || complain "the number is not kept"
expect 0 "app                  slot 1  as was" \
    $simulate 2.suit --device after.json --procedure invocation
expect 0 "slot is 0, as wanted" $simulate 3.suit --device after.json \
    --install again.json
expect 1 "sequence number lower" $simulate 2.suit --device again.json
expect 1 "same sequence number" $simulate 3b.suit --device again.json
expect 0 "" $simulate 3.suit --device again.json

# Operations that fail.
expect 1 "made to fail" $simulate 2.suit --device device.json --fail fetch \
    --install broken.json
grep -q '"sequence_number": 1' broken.json || complain "a failed update counts"
expect 1 "to bring other bytes" \
    $simulate 2.suit --device device.json --fail image
expect 1 "digest is sha-256" $simulate 2.suit --device device.json --fail image
expect 1 "made to fail: it came back" \
    $simulate 2.suit --device device.json --fail invoke
expect 0 "" $simulate 2.suit --device device.json --fail fetch:2
expect 1 "update failed" $simulate 2.suit --device device.json --fail fetch:1
grep -q "^selvage: 2.suit: update failed" err || complain "no line on stderr"

# Who is refused before anything runs.
expect 4 "no given key verifies" "$selvage" manifest simulate 2.suit \
    --key stranger.pub.pem --device device.json
grep -q "shared sequence" out && complain "something ran unauthenticated"
expect 4 "" "$selvage" manifest simulate 2.suit --device device.json
expect 4 '"verdict": "failure"' "$selvage" manifest simulate --json 2.suit \
    --device device.json
expect 1 "" $simulate a.bin --device device.json
head -c 300 2.suit >cut.suit
expect 1 "CBOR ends inside an item" $simulate cut.suit --device device.json
sed 's/sensor/pump/' device.json >pump.json
expect 1 "class-identifier does not match" $simulate 2.suit --device pump.json

sed 's/"sequence_number": 1/"sequence_number": 1, "algorithms": [5]/' \
    device.json >mac.json
expect 1 "algorithm" $simulate 2.suit --device mac.json
sed 's/"sequence_number": 1/"sequence_number": 1, "algorithms": [-9]/' \
    device.json >esp.json
expect 0 "" $simulate 2.suit --device esp.json

# Nesting, lists, soft failures, private commands.
cat >t.json <<'END'
{"sequence-number": 1, "components": ["app", "config", "spare"],
 "shared": [{"set-component-index": true},
   {"override-parameters": {"vendor-identifier": {"vendor": "example.com"},
                            "class-identifier": {"vendor": "example.com", "class": "sensor"}}},
   "vendor-identifier", "class-identifier"],
 "install": [{"set-component-index": [1, 2]},
   {"override-parameters": {"content": "on\n"}},
   {"run-sequence": [{"override-parameters": {"soft-failure": true}}, "check-content", "abort"]},
   {"try-each": [["check-content"],
                 [{"set-component-index": 0}, "abort"],
                 [{"run-sequence": ["write", "check-content"]}]]},
   {"set-component-index": 2},
   {"override-parameters": {"source-component": 1}},
   "swap", "copy",
   {"-300": 3}]}
END
"$selvage" --quiet manifest create --template t.json -o t.suit
"$selvage" --quiet manifest sign --force t.suit --key author.pem -o t.suit
echo '{"vendor": "example.com", "class": "sensor",
       "private": {"commands": [{"code": -300, "sections": ["install"]}]},
       "components": [{"id": "app"}, {"id": "config", "content": "00"},
                      {"id": "spare", "digest": "'"$(printf %064d 7)"'"}]}' >many.json
expect 0 "" $simulate t.suit --device many.json
cp out story
tells 'set-component-index from here on for config and spare'
tells 'run-sequence [0-9]+ override-parameters config: soft-failure true'
tells 'check-content config: fails: the component holds 1 byte, the manifest wants 3'
tells 'end of run-sequence config: its sequence failed softly: goes on'
tells 'sequence 2, since the one before failed [0-9]+ set-component-index from here on for app [*0-9 ]+ abort app: fails: the manifest says so'
tells 'sequence 3, since the one before failed [0-9]+ run-sequence'
tells 'end of try-each spare: that sequence was good: enough'
tells 'swap spare: exchanged with config'
tells 'copy spare: copied from config'
tells '[*] [0-9]+ -300 spare: left to the port'
expect 1 "made to fail" $simulate t.suit --device many.json --fail swap
expect 1 "made to fail" $simulate t.suit --device many.json --fail copy
expect 1 "made to fail" $simulate t.suit --device many.json --fail write:2
expect 1 "made to fail" $simulate t.suit --device many.json --fail private
sed 's/-300/-301/' many.json >less.json
expect 1 "command not supported" $simulate t.suit --device less.json

# Device files and command lines that are wrong.
wrong_device() {
    echo "{\"vendor\": \"example.com\", \"class\": \"sensor\", $1}" >bad.json
    expect 1 "$2" $simulate 2.suit --device bad.json
}
app='"components": [{"id": "app"'
wrong_device "$app, \"content\": \"0\"}]" '"content"'
wrong_device "$app, \"size\": -1}]" '"size"'
wrong_device "$app, \"digest\": \"00\"}]" '"digest"'
wrong_device "$app, \"slots\": 3}]" '"slots"'
wrong_device "$app, \"slot\": 2, \"slots\": 2}]" '"slots"'
wrong_device "$app}], \"device_id\": \"x\"" '"device_id"'
wrong_device "$app}], \"security_floor\": -1" '"security_floor"'
wrong_device "$app}], \"bootloader\": \"grub\"" '"bootloader"'
wrong_device "$app}], \"algorithms\": [\"ROT13\"]" '"algorithms"'
wrong_device "$app}], \"private\": {\"parameters\": [1]}" '"private"'
wrong_device "$app}], \"private\": {\"commands\": [{}]}" '"private"'
wrong_device "$app}], \"sequence-number\": 9" 'near it is "sequence_number"'
wrong_device "$app, \"slto\": 1}]" 'device.components[0]: "slto"'
echo '{"vendor": "example.com", "class": "sensor",
       "components": [{"id": "app", "file": "missing"}]}' >bad.json
expect 3 "missing" $simulate 2.suit --device bad.json
echo "{" >bad.json
expect 1 "bad.json:" $simulate 2.suit --device bad.json
expect 3 "No such file" $simulate 2.suit --device missing.json
expect 3 "No such file" $simulate missing.suit --device device.json
expect 2 "--device FILE is missing" $simulate 2.suit
expect 2 "--procedure" $simulate 2.suit --device device.json --procedure boot
expect 2 "--fail" $simulate 2.suit --device device.json --fail fetsh
expect 2 "--fail" $simulate 2.suit --device device.json --fail fetch:0
expect 2 "--fail" $simulate 2.suit --device device.json --fail fetch:x
expect 2 "ENVELOPE is missing" $simulate --device device.json
expect 0 "--install" $simulate --help

# Colours on a terminal only, and not with NO_COLOR.
$simulate 2.suit --device device.json | grep -q "$(printf '\033')" &&
    complain "colours in a pipe"
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
    TERM=xterm script -qec "$simulate 2.suit --device device.json" /dev/null \
        </dev/null >tty
    grep -q "$(printf '\033')\[31m" tty || complain "no colours on a terminal"
    NO_COLOR=1 script -qec "$simulate 2.suit --device device.json" /dev/null \
        </dev/null >tty
    grep -q "$(printf '\033')" tty && complain "NO_COLOR is ignored"
fi

# The device as it is afterwards does not replace what it came from.
for same in device.json author.pub.pem 2.suit; do
    cp $same before
    expect 2 "would replace the input" $simulate 2.suit --device device.json \
        --install $same
    cmp -s $same before || complain "--install replaced $same"
done
finish
