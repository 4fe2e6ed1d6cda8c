# SPDX-License-Identifier: Apache-2.0
#
# Sourced by the scenarios of the command line. SELVAGE_BUILD is the build
# folder. Each scenario works in a folder of its own, which goes away.
set -u
export LC_ALL=C
selvage=$SELVAGE_BUILD/bin/selvage
work=$(mktemp -d "${TMPDIR:-/tmp}/selvage-cli.XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 3
failed=0

complain() {
    echo "FAILED: $*"
    failed=1
}

# expect CODE TEXT COMMAND...: the command ends with CODE, and TEXT (fixed,
# may be empty) is in its output or its errors. Both stay in $work/out, err.
expect() {
    code=$1
    text=$2
    shift 2
    "$@" >out 2>err
    got=$?
    if [ "$got" != "$code" ]; then
        complain "exit $got instead of $code: $*"
        cat err
    fi
    if [ -n "$text" ] && ! cat out err | grep -qF -e "$text"; then
        complain "\"$text\" is not said by: $*"
        cat out err
    fi
    # Whoever refuses says so, on standard error, in one line by name.
    if [ "$got" != 0 ] && ! grep -q '^selvage: ' err &&
        ! grep -q -- '^usage:' err && ! grep -q '^{"error":' err && ! grep -q '"verdict"' out; then
        complain "no error message: $*"
    fi
}

finish() {
    [ "$failed" = 0 ] && echo "all as expected"
    exit "$failed"
}
