#!/bin/sh
# The unit tests: each prints a line, the first wrong answer fails the run.
set -eu
cd "$(dirname "$0")/.."
passed=0

check() { # name, expected, command …
  name=$1 expected=$2
  shift 2
  sleep 0.2
  got=$("$@" 2>&1 | tr '\n' ' ')
  if [ "$got" = "$expected " ]; then
    printf '\033[32mok\033[0m      %s\n' "$name"
    passed=$((passed + 1))
  else
    printf '\033[31mFAILED\033[0m  %s: expected "%s", got "%s"\n' "$name" "$expected" "${got% }"
    exit 1
  fi
}

echo "Testing the countdown …"
check "counts down from three" "3 2 1 liftoff" sh countdown.sh
check "counts down from a given number" "2 1 liftoff" sh countdown.sh 2
check "lifts off at once from zero" "liftoff" sh countdown.sh 0
mkdir -p "${ARTIFACTS:-/tmp}"
cat >"${ARTIFACTS:-/tmp}/junit_countdown.xml" <<XML
<testsuite name="countdown" tests="$passed"><testcase name="countdown"/></testsuite>
XML
echo "$passed passed"
