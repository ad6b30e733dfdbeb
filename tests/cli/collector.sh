#!/bin/sh
# The collector (tests/run, tests/one, tests/tap.awk) judges programs rightly: fed with fake ones.
# sanitizers: no
. tests/cli/tap.sh
unset SILLOK SILLOK_BUILD

fake=$tap_tmp/fake

# judge BODY: what the collector says of one program with this body; output in $said, exit status in $status
judge() {
    rm -rf "$fake" && mkdir "$fake"
    printf '#!/bin/sh\n%s\n' "$1" >"$fake/prog"
    chmod +x "$fake/prog"
    said=$(TEST_TIMEOUT=${limit-60} sh tests/run --collect "$fake" 2>&1)
    status=$?
    last=$(printf '%s\n' "$said" | tail -n 1)
}

# judged NAME BODY LAST STATUS
judged() {
    judge "$2"
    is "$1: summary" "$last" "$3"
    is "$1: status" "$status" "$4"
}

judged "all pass" 'echo 1..2; echo ok 1 - a; echo ok 2 - b' "2 passed, 0 failed, 0 skipped" 0
judged "plan at the end" 'echo ok 1 - a; echo 1..1' "1 passed, 0 failed, 0 skipped" 0
judged "one fails" 'echo 1..2; echo ok 1 - a; echo not ok 2 - b; exit 1' "1 passed, 1 failed, 0 skipped" 1
judged "fails but exits 0" 'echo 1..1; echo not ok 1 - b' "0 passed, 2 failed, 0 skipped" 1
has "... and says so" "$said" "exit status 0 in spite of a failed test"
judged "no plan" 'echo ok 1 - a' "1 passed, 1 failed, 0 skipped" 1
has "... and says so" "$said" "printed no plan"
judged "no output" 'true' "0 passed, 1 failed, 0 skipped" 1
judged "empty plan" 'echo 1..0' "0 passed, 1 failed, 0 skipped" 1
judged "two plans" 'echo 1..1; echo ok 1 - a; echo 1..1' "1 passed, 1 failed, 0 skipped" 1
judged "fewer than planned" 'echo 1..3; echo ok 1 - a' "1 passed, 1 failed, 0 skipped" 1
has "... and says so" "$said" "planned 3 tests and reported 1"
judged "more than planned" 'echo 1..1; echo ok 1 - a; echo ok 2 - b' "2 passed, 1 failed, 0 skipped" 1
judged "exit status alone" 'echo 1..1; echo ok 1 - a; exit 3' "1 passed, 1 failed, 0 skipped" 1
has "... and says so" "$said" "exit status 3 without a failed test"
judged "crash" 'echo 1..2; echo ok 1 - a; kill -SEGV $$' "1 passed, 1 failed, 0 skipped" 1
has "... and says so" "$said" "killed by signal 11"
judged "crash after the last test" 'echo 1..1; echo ok 1 - a; kill -ABRT $$' "1 passed, 1 failed, 0 skipped" 1
limit=2
judged "time limit" 'echo 1..1; echo ok 1 - a; sleep 20' "1 passed, 1 failed, 0 skipped" 1
has "... and says so" "$said" "took longer than 2 s"
unset limit
judged "skip with a reason" 'echo 1..2; echo ok 1 - a; echo "ok 2 - b # SKIP no data here"' \
    "1 passed, 0 failed, 1 skipped" 0
has "... which is shown" "$said" "    no data here"
judged "skip as cmocka says it" 'echo 1..2; echo ok 1 - a; echo "# skip: no file"; echo "not ok 2 # SKIP b"' \
    "1 passed, 0 failed, 1 skipped" 0
has "... which is shown" "$said" "    no file"
judged "all skipped" 'echo "1..0 # SKIP not on this machine"' "0 passed, 0 failed, 1 skipped" 0
has "... which is shown" "$said" "    not on this machine"
judged "a name that only looks like a skip" 'echo 1..1; echo "not ok 1 - a \\# SKIP b"; exit 1' \
    "0 passed, 1 failed, 0 skipped" 1
judged "a failure shows the output" 'echo 1..1; echo "# the-detail"; echo not ok 1 - a; echo the-error >&2; exit 1' \
    "0 passed, 1 failed, 0 skipped" 1
has "... of stdout" "$said" "the-detail"
has "... and stderr" "$said" "the-error"
judged "a success does not" 'echo 1..1; echo "# the-detail"; echo ok 1 - a' "1 passed, 0 failed, 0 skipped" 0
case "$said" in *the-detail*) fail "... show its output" ;; *) pass "... show its output" ;; esac
judged "a program that reads gets nothing" 'read -r x; echo 1..1; echo "ok 1 - $x"' "1 passed, 0 failed, 0 skipped" 0

rm -rf "$fake" && mkdir "$fake"
printf '#!/bin/sh\necho 1..1; echo ok 1\n' >"$fake/one"
printf '#!/bin/sh\necho 1..1; echo not ok 1; exit 1\n' >"$fake/two"
printf 'not a program\n' >"$fake/three"
chmod +x "$fake/one" "$fake/two"
said=$(sh tests/run --collect "$fake" 2>&1)
is "several: summary" "$(printf '%s\n' "$said" | tail -n 1)" "1 passed, 2 failed, 0 skipped"
has "several: the failed ones are named" "$said" "failed: x/three x/two"
has "a program that cannot be started" "$said" "could not be started"
said=$(sh tests/run --collect "$fake" one 2>&1)
is "a filter chooses" "$?, $(printf '%s\n' "$said" | tail -n 1)" "0, 1 passed, 0 failed, 0 skipped"
said=$(sh tests/run --collect "$fake" nothing-like-it 2>&1)
is "no test at all is a failure" "$?, $(printf '%s\n' "$said" | tail -n 1)" "1, 0 passed, 0 failed, 0 skipped"
done_testing
