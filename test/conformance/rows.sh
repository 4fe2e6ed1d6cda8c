#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The published vectors, where SELVAGE_VECTORS names their folder; and that a
# wrong expectation would be noticed in each row.
set -u
if [ -z "${SELVAGE_VECTORS:-}" ]; then
    echo "skip: SELVAGE_VECTORS names no folder of published vectors"
    exit 77
fi
program=$SELVAGE_BUILD/test/suit_rows
"$program" --self-test "$SELVAGE_VECTORS" || exit 1
exec "$program" "$SELVAGE_VECTORS"
