# Judges the output of one test program. In: its stdout; -v status=EXIT -v kind=tap|status -v limit=SECONDS.
# Out: "PASSED FAILED SKIPPED", then "why: ..." lines and "skip: REASON" lines.
# kind=status: a program whose exit status is its one result (0 passed).
# cmocka prints a skipped test as "not ok N # SKIP name" and its reason, by our custom, as "# skip: reason" before.

function add_skip(reason) {
    skipped++
    if (reason == "") reason = last_reason
    if (reason == "") reason = "no reason given"
    reasons[++n_reasons] = reason
    last_reason = ""
}

kind == "status" {
    next
}
/^# skip: / {
    last_reason = substr($0, 9)
    next
}
/^1\.\.[0-9]+/ {
    plans++
    plan = substr($1, 4) + 0
    if (plan == 0 && match($0, /# *[Ss][Kk][Ii][Pp] */)) {
        skip_all = 1
        add_skip(substr($0, RSTART + RLENGTH))
    }
    next
}
/^(not )?ok( |$)/ {
    points++
    if (match($0, /# *[Ss][Kk][Ii][Pp]([^A-Za-z]|$)/) && substr($0, RSTART - 1, 1) != "\\") {
        text = substr($0, RSTART + RLENGTH)
        # cmocka's form carries the test's name where others carry the reason
        if ($1 == "not" && last_reason != "") text = last_reason
        else if ($1 == "not") text = "no reason given by " text
        add_skip(text)
    } else if ($1 == "not") {
        failed++
    } else {
        passed++
    }
}

END {
    if (status == 124 || status == 137) why[++n_why] = "took longer than " limit " s (or was killed)"
    else if (status == 255) why[++n_why] = "ended with exit status 255"
    else if (status > 128) why[++n_why] = "was killed by signal " status - 128
    else if (status == 126 || status == 127) why[++n_why] = "could not be started (not built?)"
    if (kind == "status") {
        if (status == 0) passed = 1
        else if (!n_why) why[++n_why] = "exit status " status
    } else {
        if (!plans) why[++n_why] = "printed no plan"
        else if (plans > 1) why[++n_why] = "printed " plans " plans"
        else if (plan != points) why[++n_why] = "planned " plan " tests and reported " points + 0
        if (plans && plan == 0 && !skip_all) why[++n_why] = "ran no test"
        if (status != 0 && !failed && !n_why) why[++n_why] = "exit status " status " without a failed test"
        if (status == 0 && failed) why[++n_why] = "exit status 0 in spite of a failed test"
    }
    if (n_why) failed++
    print passed + 0, failed + 0, skipped + 0
    for (i = 1; i <= n_why; i++) print "why: " why[i]
    for (i = 1; i <= n_reasons; i++) print "skip: " reasons[i]
}
