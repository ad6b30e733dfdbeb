#!/bin/sh
# ./dev lint catches one planted violation of each kind, at its file and line, and passes a clean tree.
# sanitizers: no
. tests/cli/tap.sh

tree=$tap_tmp/tree
tables=$tap_tmp/tables

# A small clean tree with the layout of this one.
fresh() {
    rm -rf "$tree" "$tables"
    mkdir -p "$tree/src/base" "$tree/src/num" "$tree/src/cmd" "$tree/tests" "$tables"
    cp .clang-format .clang-tidy Makefile "$tree/"
    cp tools/lint/arrows.txt "$tables/"
    echo "# none" >"$tables/ratchet.txt"
    for m in base num cmd; do echo "# $m" >"$tree/src/$m/README.md"; done
    printf '#ifndef A_H\n#define A_H\nint base_one(void);\n#endif\n' >"$tree/src/base/a.h"
    printf '#include "base/a.h"\n\nint base_one(void) {\n    return 1; /* not strcpy(a, b) */\n}\n' >"$tree/src/base/a.c"
    printf '#include <stdio.h>\n\n#include "base/a.h"\n\nint main(void) {\n    printf("strcpy(%%d)\\n", base_one());\n    return 0;\n}\n' \
        >"$tree/src/cmd/main.c"
}

# lint STEP: its output in $said, its status in $status
lint() {
    said=$(LINT_TABLES="$tables" sh tools/lint/run.sh --root "$tree" --only "$1" 2>&1)
    status=$?
}

# body TEXT: src/num/x.c with the text as the body of a function from line 4 on
body() {
    printf '#include "base/a.h"\nint num_x(int a);\nint num_x(int a) {\n%s\n    return a;\n}\n' "$1" >"$tree/src/num/x.c"
}

# caught NAME STEP PATTERN
caught() {
    lint "$2"
    if [ "$status" = 1 ]; then has "$1" "$said" "$3"; else fail "$1" "exit $status: $said"; fi
}

# clean NAME STEP
clean() {
    lint "$2"
    is "$1" "$status $said" "0 lint: clean"
}

fresh
for step in format headers tidy code scripts; do clean "a clean tree: $step" "$step"; done

body '    char *p = 0; strcpy(p, "x");'
caught "a banned function" code "src/num/x.c:4: strcpy is banned here"
body '    float f = expf(1.0f); a += (int)f;'
caught "libm in num" code "src/num/x.c:4: expf is banned here"
body '    float f = sqrtf(1.0f) + fabsf(fmaf(1.0f, 2.0f, 3.0f)); a += (int)f;'
clean "exact functions of libm in num" code
body '    printf("x");'
caught "printing in the library" code "src/num/x.c:4: printf is banned here"
body '    fprintf(stderr, "x");'
caught "printing to stderr in the library" code "src/num/x.c:4: the library never prints"
body '    exit(1);'
caught "exit in the library" code "src/num/x.c:4: exit is banned here"
body '    void *p = malloc(1); (void)p;'
caught "malloc in the library" code "src/num/x.c:4: malloc is banned here"
body '    static int calls; a += calls++;'
caught "a mutable static" code "src/num/x.c:4: a variable that outlives"
body '    /* " */ exit(1); /* " */'
caught "a comment with a quote hides nothing" code "src/num/x.c:4: exit is banned here"
body '    a += '"'\"'"'; exit(1); a += '"'\"'"';'
caught "a quoted quote hides nothing" code "src/num/x.c:4: exit is banned here"
body '    // strcpy(x, y) exit(1)
    const char *s = "exit(1) /* "; (void)s; /* exit(1)
    strcpy(x, y) */'
clean "comments and strings are not code" code
body '    struct { int (*exit)(int); } v; struct { int x; } *q = 0; (void)q; a += v.exit(1);'
clean "a member may have any name" code
body '    a++; // NOLINT'
caught "NOLINT without a check" code "src/num/x.c:4: NOLINT must name its check"

fresh
printf '#include "num/x.h"\n' >>"$tree/src/base/a.h"
caught "an arrow the wrong way" code "src/base/a.h:5: base may not depend on num"
fresh
printf '#include "../num/x.h"\n' >>"$tree/src/base/a.h"
caught "a relative include" code "src/base/a.h:5: includes are written from src/"
fresh
mkdir "$tree/src/new" && echo x >"$tree/src/new/README.md" && echo "int x;" >"$tree/src/new/x.h"
caught "a module without arrows" code "src/new has no line in tools/lint/arrows.txt"
fresh
rm "$tree/src/num/README.md"
caught "a folder without README" code "src/num:1: the folder has no README.md"

# sizes, and the ratchet
fresh
long() { awk -v n="$1" 'BEGIN { print "    switch (a) {"; for (i = 2; i < n; i++) print "    case " i ": a++;"; print "    }" }'; }
body "$(long 77)"
clean "a function of 80 lines" code
body "$(long 78)"
caught "a function of 81 lines" code "src/num/x.c:3: num_x has 81 lines, more than 80"
echo "function src/num/x.c:num_x 81" >"$tables/ratchet.txt"
clean "... that the ratchet allows" code
echo "function src/num/x.c:num_x 90" >"$tables/ratchet.txt"
caught "... with more than it needs" code "can shrink to 81"
body "$(long 60)"
caught "an entry that is not needed" code "is not needed any more"
echo "function src/num/x.c:gone 90" >"$tables/ratchet.txt"
caught "an entry that names nothing" code "names nothing that is here"
echo "# none" >"$tables/ratchet.txt"
printf 'struct s {\n    int a;\n};\nstatic const struct s t[] = {\n%s\n};\nstatic void num_y(struct s *p,\n    int b)\n{\n%s\n}\n' \
    "$(awk 'BEGIN { for (i = 0; i < 200; i++) print "    {(1)}," }')" "$(long 90)" >"$tree/src/num/x.c"
caught "a function after a long table" code "src/num/x.c:206: num_y has 94 lines"
case "$said" in *"t has"* | *" findings"[!s]*) fail "... and the table is none" "$said" ;; *) pass "... and the table is none" ;; esac
body ""
awk 'BEGIN { for (i = 0; i < 1001; i++) print "int a" i ";" }' >"$tree/tests/long.c"
caught "a file of 1001 lines" code "tests/long.c:1001: the file has 1001 lines, more than 1000"
rm "$tree/tests/long.c"

body 'int   b=1;   (void)b;'
caught "formatting" format "src/num/x.c:3: not formatted"
body '    int *p = 0;
    if (a) return *p;'
caught "clang-tidy" tidy "src/num/x.c:5:*NullDereference"
caught "clang-tidy, again from the cache" tidy "src/num/x.c:5:*NullDereference"
rm "$tree/src/num/x.c"

printf '#ifndef B_H\n#define B_H\nsize_t base_two(void);\n#endif\n' >"$tree/src/base/b.h"
caught "a header that needs another before it" headers "src/base/b.h:1: does not compile alone"
rm "$tree/src/base/b.h"

printf '#!/bin/sh\nif true; then\n' >"$tree/tests/x.sh"
caught "a shell syntax error" scripts "tests/x.sh:1: "
printf '#!/bin/sh\n[[ a = b ]]\n' >"$tree/tests/x.sh"
caught "a bashism" scripts "tests/x.sh:2: not POSIX sh"
printf 'echo\n' >"$tree/tests/x.sh"
caught "a script without #!" scripts "tests/x.sh:1: the first line must be"
rm "$tree/tests/x.sh"
if command -v node >/dev/null; then
    printf 'let x = ;\n' >"$tree/tests/x.mjs"
    caught "a JavaScript syntax error" scripts "tests/x.mjs:1: syntax error"
    rm "$tree/tests/x.mjs"
else
    skip "a JavaScript syntax error" "no node here"
fi
printf 'see /%s/somebody/x\n' home >"$tree/tests/x.md"
caught "a path of one machine" scripts "tests/x.md:1: a path of one machine"
done_testing
