#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# selvage manifest diff: what it says of each kind of change, exit codes,
# colours, and input that is no envelope.
. "$(dirname "$0")/common.sh"

"$selvage" --quiet key generate author
"$selvage" --quiet key generate other
yes a | head -c 5000 >a.bin
yes b | head -c 6000 >b.bin
yes c | head -c 7000 >c.bin

# The common case: a release with one image changed, by another author.
create="$selvage --quiet manifest create --vendor example.com --class sensor"
$create --sequence 1 --version 1.0.0 --image-a a.bin --image-b b.bin \
    --key author.pem -o 1.suit
$create --sequence 2 --version 1.1.0 --description "new probe" \
    --image-a a.bin --image-b c.bin --key other.pem -o 2.suit
diff="$selvage manifest diff"
expect 0 "--- 1.suit" $diff 1.suit 2.suit
cp out full
says() {
    grep -qE -e "$1" full || {
        complain "the difference does not say: $1"
        cat full
    }
}
silent() {
    grep -qE -e "$1" full && complain "the difference says: $1"
}
says '^sequence-number +1 -> 2$'
says '^app, slot 1$'
says '^  image-digest +sha-256 [0-9a-f]{16}\.\. -> sha-256 [0-9a-f]{16}\.\.$'
says '^  image-size +6000 -> 7000$'
says '^  uri +/i/'
silent 'app, slot 0'
says '^  component-version +1.0.0 -> 1.1.0$'
says '^  manifest-description \+ new probe$'
says '^signature +- kind COSE_Sign1, algorithm ESP256, kid '
says '^signature +\+ kind COSE_Sign1, algorithm ESP256, kid '
says '^install$'
says '^- +uri /i/'
says '^\+ +uri /i/'
says '^    sequence 2$'
silent '^validate'
awk 'length > 80' full | grep . && complain "lines over 80 columns"

# Nothing differs from itself; differing is no failure unless asked.
expect 0 "" $diff 1.suit 1.suit
[ -s out ] && complain "an envelope differs from itself"
expect 0 '"same": true' $diff --json 1.suit 1.suit
expect 0 "" $diff --exit-code 1.suit 1.suit
"$selvage" manifest diff --exit-code 1.suit 2.suit >out 2>err
[ $? = 1 ] || complain "--exit-code does not tell a difference"
[ -s err ] && complain "a difference is no error"
"$selvage" manifest diff --exit-code --quiet 1.suit 2.suit >out 2>err
[ $? = 1 ] && [ ! -s out ] || complain "--quiet is not quiet"

# An id whose name only the text of one side tells is the same id, and the
# other side shows the name too.
"$selvage" --quiet manifest extract 2.suit --drop text -o bare.suit
for pair in "1.suit bare.suit" "bare.suit 1.suit"; do
    expect 0 "sequence-number" $diff $pair
    grep -q 'identifier' out && complain "diff $pair: an id changed: $(cat out)"
done

# JSON has everything in full.
expect 0 '"what": "image-digest"' $diff --json 1.suit 2.suit
grep -q '"old": "sha-256 [0-9a-f]\{64\}"' out || complain "JSON is shortened"
grep -q '"same_manifest": false' out || complain "same_manifest is missing"

# Only the signature differs.
"$selvage" --quiet manifest sign 1.suit --key other.pem -o 1b.suit
expect 0 "The signed manifest is the same" $diff 1.suit 1b.suit

# Commands, with nesting; each template is the one before with a change.
template() {
    cat >t.json
    "$selvage" --quiet manifest create --template t.json -o "$1"
}
template c1.suit <<'END'
{"sequence-number": 1, "components": ["app", "radio"],
 "shared": [{"set-component-index": 0},
            {"override-parameters": {"vendor-identifier": {"vendor": "example.com"}}},
            "vendor-identifier"],
 "install": [{"set-component-index": 0},
             {"try-each": [["image-match"], ["fetch", "image-match"]]}],
 "validate": [{"set-component-index": 0}, "image-match"],
 "payloads": {"#a": "one"}}
END
template c2.suit <<'END'
{"sequence-number": 1, "components": ["app", "wifi"],
 "reference-uri": "https://example.com/c2.suit",
 "shared": [{"set-component-index": [0, 1]},
            {"override-parameters": {"vendor-identifier": {"vendor": "example.org"}}},
            "vendor-identifier"],
 "install": [{"set-component-index": 0},
             {"try-each": [["image-match"], ["copy", "image-match"],
                           ["fetch", {"image-match": 0}], null]}],
 "sever": ["install"],
 "invoke": [{"set-component-index": 0}, "invoke"],
 "payloads": {"#a": "two", "#b": "three"}}
END
expect 0 "" $diff c1.suit c2.suit --vendor example.org
cp out full
says '^component +- radio$'
says '^component +\+ wifi$'
says '^reference-uri +\+ https://example.com/c2.suit$'
says '^  install +in the manifest -> severed$'
says '^  invoke +\+ in the manifest$'
says '^  validate +- in the manifest$'
says '\+ .*\(example.org\)$'
says '^wifi$'
says '^- set-component-index 0$'
says '^\+ set-component-index 0, 1$'
says '^\+   sequence 2$'
says '^\+     copy \(policy 2\)$'
says '^-     image-match \(policy 15\)$'
says '^\+     image-match \(policy 0\)$'
says '^\+   sequence 4: nil$'
says '^validate, removed$'
says '^invoke, added$'
says '^  #a +- 3 bytes, sha-256 [0-9a-f]{16}\.\.$'
says '^  #b +\+ 5 bytes, sha-256 '
expect 0 "" $diff c2.suit c1.suit
grep -q '^+   sequence 2' out && complain "the other direction is no other"

# What was taken out is not compared, but said.
"$selvage" --quiet manifest extract c2.suit --drop install -o c3.suit
expect 0 "install              severed -> taken out" $diff c2.suit c3.suit
grep -q "^set-component-index\|try-each" out && complain "a guess at what is gone"
expect 0 "The signed manifest is the same" $diff c2.suit c3.suit

# A MAC instead of a signature.
head -c 32 /dev/urandom >secret
"$selvage" --quiet manifest sign c1.suit --force --key secret -o mac.suit
expect 0 "+ kind COSE_Mac0" $diff c1.suit mac.suit

# No control character of a stranger's reaches the terminal.
template evil.suit <<'END'
{"sequence-number": 1, "components": ["app"], "reference-uri": "\u001b[31mx",
 "text": {"en": {"manifest-description": "two\nlines\u009b"}}}
END
expect 0 "?[31mx" $diff c1.suit evil.suit
tr -d '\n -~' <out | grep -q . && complain "control characters in the output"

# Colours on a terminal only, and not with NO_COLOR.
$diff 1.suit 2.suit | grep -q "$(printf '\033')" && complain "colours in a pipe"
if script -qec true /dev/null >/dev/null 2>&1 </dev/null; then
    TERM=xterm script -qec "$diff 1.suit 2.suit" /dev/null </dev/null >tty
    grep -q "$(printf '\033')\[32m" tty || complain "no colours on a terminal"
    NO_COLOR=1 script -qec "$diff 1.suit 2.suit" /dev/null </dev/null >tty
    grep -q "$(printf '\033')" tty && complain "NO_COLOR is ignored"
    TERM=dumb script -qec "$diff 1.suit 2.suit" /dev/null </dev/null >tty
    grep -q sequence-number tty || complain "no difference on a dumb terminal"
    grep -q "$(printf '\033')" tty && complain "a dumb terminal gets colours"
else
    echo "note: colours on a terminal are not tried: no script(1)"
fi

# Bad input.
expect 1 "a.bin: not a whole SUIT envelope" $diff 1.suit a.bin
expect 1 "a.bin: not a whole SUIT envelope" $diff a.bin 1.suit
expect 1 '"error":' $diff --json a.bin 1.suit
expect 3 "No such file" $diff 1.suit missing
expect 2 "NEW is missing" $diff 1.suit
expect 2 "" $diff 1.suit 2.suit 1.suit
expect 2 "" $diff --colour 1.suit 2.suit
expect 0 "--exit-code" $diff --help
finish
