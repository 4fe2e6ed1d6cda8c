#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# device track beside a device that does not let itself be observed any more,
# and sends more than it is asked for: it is asked again after a pause.
. "$(dirname "$0")/common.sh"

"$SELVAGE_BUILD/test/stray" "$selvage" >out 2>&1 || complain "$(cat out)"
grep -q "^runs 1: idle" out || complain "no state: $(cat out)"
asked=$(sed -n 's/^asked //p' out)
# Once, and again after 50 ms and their doublings.
[ "$asked" -ge 2 ] && [ "$asked" -le 8 ] || complain "asked $asked times"
finish
