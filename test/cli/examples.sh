#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The examples do what their expected files say.
. "$(dirname "$0")/common.sh"
examples=$OLDPWD/examples

"$examples/run" >out 2>&1 || complain "examples/run"
cat out
grep -q "^17 examples as expected" out || complain "an example is missing"

# The comparison can fail.
mkdir copy && cp -r "$examples/run" "$examples/swap" copy
echo "something else" >>copy/swap/expected.txt
copy/run swap >out 2>&1 && complain "another expected file makes no difference"
grep -q "simulate says something else" out || complain "no difference is told"
rm -r copy/swap && cp -r "$examples/swap" copy
sed -i 's/"copy"/"fetch"/; s/"swap"/"abort"/' copy/swap/template.json
copy/run swap >out 2>&1 && complain "another template makes no difference"
"$examples/run" no-such-one >out 2>&1 && complain "an unknown example runs"
grep -q "there is no such example" out || complain "an unknown example"
"$examples/run" --wrong >out 2>&1
[ $? = 2 ] || complain "a wrong option is no usage error"

# Each has words, and an expected file for each of its devices.
for example in "$examples"/*/; do
    [ "$(wc -l <"$example/README.md")" -ge 10 ] ||
        complain "$example has no README.md to speak of"
    [ "$(tail -n1 "$example/expected.txt")" = "exit status 0" ] ||
        complain "$example does not end well on its own device"
    for device in "$example"/device*.json; do
        variant=${device##*/device}
        [ -s "$example/expected${variant%.json}.txt" ] ||
            complain "$device has no expected file"
    done
done
finish
