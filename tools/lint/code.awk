# Lexical checks of C sources: dependency arrows, banned functions, file and function sizes, mutable globals.
# In: arrows.txt banned.txt ratchet.txt, then the files, paths relative to the root. Out: "file:line: message".
# Comments, strings and characters are blanked first, so that none of them can hide or feign a finding.

function finding(line, text) {
    print FILENAME_NOW ":" line ": " text
    findings++
}

# ---- the tables ----
function read_arrow(   i) {
    known[$1] = 1
    for (i = 2; i <= NF; i++) arrow[$1, $i] = 1
}

function trim(s) {
    gsub(/^[ \t]+|[ \t]+$/, "", s)
    return s
}

function read_banned(   field, n, i, name) {
    if (split($0, field, "|") != 4) {
        finding(FNR, "four fields separated by | expected")
        return
    }
    n = split(field[1], name, /[ ,]+/)
    for (i = 1; i <= n; i++) {
        if (name[i] == "") continue
        where[name[i]] = trim(field[2])
        except[name[i]] = trim(field[3])
        instead[name[i]] = trim(field[4])
    }
}

function read_ratchet() {
    if (NF != 3 || ($1 != "file" && $1 != "function")) {
        finding(FNR, "KIND PATH[:FUNCTION] LINES expected")
        return
    }
    allowed[$1 " " $2] = $3 + 0
    ratchet_line[$1 " " $2] = FNR
}

# Compares a size with its limit or its entry in the ratchet.
function check_size(kind, thing, shown, line, size, limit,   key) {
    key = kind " " thing
    if (key in allowed) {
        seen[key] = 1
        if (size <= limit) stale[key] = "is not needed any more: remove it"
        else if (size < allowed[key]) stale[key] = "can shrink to " size
        if (size <= allowed[key]) return
        limit = allowed[key]
    }
    if (size > limit) finding(line, shown " has " size " lines, more than " limit)
}

# ---- one file ----
function begin_file(   part) {
    FILENAME_NOW = FILENAME
    in_comment = 0
    depth = 0
    statement = ""
    function_name = ""
    continued = 0
    module = ""
    if (split(FILENAME, part, "/") >= 3 && part[1] == "src") {
        module = part[2]
        if (!(module in known)) finding(1, "src/" module " has no line in tools/lint/arrows.txt")
    }
    lines = 0
}

function end_file() {
    if (FILENAME_NOW == "") return
    check_size("file", FILENAME_NOW, "the file", lines, lines, 1000)
    if (depth != 0) finding(lines, "braces do not balance, so that function sizes were not checked")
}

# Code without comments and with empty literals. The state of a block comment goes over lines.
function strip(s,   out, c, i) {
    out = ""
    while (s != "") {
        if (in_comment) {
            i = index(s, "*/")
            if (!i) return out
            s = substr(s, i + 2)
            in_comment = 0
            out = out " "
            continue
        }
        if (!match(s, /["'\/]/)) return out s
        c = substr(s, RSTART, 1)
        out = out substr(s, 1, RSTART - 1)
        s = substr(s, RSTART)
        if (c == "/") {
            if (substr(s, 2, 1) == "*") {
                in_comment = 1
                s = substr(s, 3)
            } else if (substr(s, 2, 1) == "/") {
                return out
            } else {
                out = out "/"
                s = substr(s, 2)
            }
        } else if (c == "\"" && match(s, /^"([^"\\]|\\.)*"/)) {
            out = out "\"\""
            s = substr(s, RLENGTH + 1)
        } else if (c == "'" && match(s, /^'([^'\\]|\\.)+'/)) {
            out = out "0"
            s = substr(s, RLENGTH + 1)
        } else {
            out = out c
            s = substr(s, 2)
        }
    }
    return out
}

function applies(name,   w, list, n, i) {
    if (index("," except[name] ",", "," FILENAME_NOW ",")) return 0
    w = where[name]
    if (w == "src") return 1
    if (w == "lib") return module != "cmd"
    n = split(w, list, ",")
    for (i = 1; i <= n; i++) if (list[i] == module) return 1
    return 0
}

# Every NAME( that is not a member (x.printf, x->exit); the value of a name, as in a table of functions, counts too.
function check_calls(code,   rest, before, name) {
    rest = code
    before = ""
    while (match(rest, /[A-Za-z_][A-Za-z_0-9]*/)) {
        if (RSTART > 1) before = substr(rest, 1, RSTART - 1)
        name = substr(rest, RSTART, RLENGTH)
        rest = substr(rest, RSTART + RLENGTH)
        if (name in where && before !~ /(\.|->)[ \t]*$/ && rest ~ /^[ \t]*\(/ && applies(name))
            finding(FNR, name " is banned here: " instead[name])
        before = name
    }
    if (module != "cmd" && code ~ /(fprintf|vfprintf|dprintf)[ \t]*\([ \t]*(stdout|stderr|1[ \t]*,|2[ \t]*,)/)
        finding(FNR, "the library never prints")
    if (module != "cmd" && code ~ /(fputs|fputc|putc|fwrite)[ \t]*\(.*,[ \t]*(stdout|stderr)[ \t]*\)/)
        finding(FNR, "the library never prints")
}

function check_include(raw,   path, part) {
    if (raw !~ /^[ \t]*#[ \t]*include[ \t]*"/) return
    path = raw
    sub(/^[^"]*"/, "", path)
    sub(/".*/, "", path)
    if (path ~ /^\.\.?\//) finding(FNR, "includes are written from src/, not relative: " path)
    if (split(path, part, "/") < 2 || part[1] == module) return
    if (!((module, part[1]) in arrow)) finding(FNR, module " may not depend on " part[1] " (" path "; tools/lint/arrows.txt)")
}

# Follows braces at file level. A function begins where a statement with parentheses and without = opens a brace.
function check_shape(code,   c, name) {
    if (depth == 0 && statement == "") begun = FNR
    while (match(code, /[{};]/)) {
        c = substr(code, RSTART, 1)
        if (depth == 0) statement = statement " " substr(code, 1, RSTART - 1)
        code = substr(code, RSTART + 1)
        if (c == "{") {
            if (depth == 0 && statement ~ /\(/ && statement !~ /[^=!<>]=[^=]/) {
                name = statement
                gsub(/__attribute__[ \t]*\(\(.*\)\)/, "", name)
                sub(/[ \t]*\(.*/, "", name)
                sub(/.*[^A-Za-z_0-9]/, "", name)
                function_name = name
            }
            depth++
        } else if (c == "}") {
            depth--
            if (depth < 0) depth = 0
            if (depth == 0) {
                if (function_name != "")
                    check_size("function", FILENAME_NOW ":" function_name, function_name, begun, FNR - begun + 1, 80)
                function_name = ""
                statement = ""
                begun = FNR + 1
            }
        } else if (depth == 0) {
            statement = ""
            begun = FNR + 1
        }
    }
    if (depth == 0 && code ~ /[^ \t]/) statement = statement " " code
}

# `extern "C" {` in the public header opens no function.
function is_linkage(raw) {
    return raw ~ /^extern "C" \{$/
}

FNR == 1 {
    files++
    if (files <= 3) FILENAME_NOW = FILENAME
    else {
        if (files > 4) end_file()
        begin_file()
    }
}
files <= 3 {
    if ($0 ~ /^[ \t]*(#|$)/) next
    if (FILENAME ~ /arrows\.txt$/) read_arrow()
    else if (FILENAME ~ /banned\.txt$/) read_banned()
    else read_ratchet()
    next
}
{
    lines++
    in_comment_before = in_comment
    code = strip($0)
    if (!in_comment_before && module != "") check_include($0)
    if (module != "") {
        check_calls(code)
        if (code ~ /^[ \t]*(static|_Thread_local)[ \t]/ && code !~ /const|inline|sig_atomic_t|\(/ && code ~ /[;=]/)
            finding(FNR, "a variable that outlives its function; only const tables may (STYLE.md)")
    }
    if ($0 ~ /NOLINT/ && $0 !~ /NOLINT(NEXTLINE|BEGIN|END)?\([a-z]/)
        finding(FNR, "NOLINT must name its check, and a comment say why")
    # preprocessor lines and what they continue on take no part in the shape
    directive = continued || (code ~ /^[ \t]*#/)
    continued = directive && $0 ~ /\\$/
    if (!directive && !is_linkage($0) && !($0 ~ /^}$/ && depth == 0)) check_shape(code)
}
END {
    if (files > 3) end_file()
    for (key in allowed) {
        FILENAME_NOW = "tools/lint/ratchet.txt"
        if (!(key in seen)) finding(ratchet_line[key], key " names nothing that is here: remove it")
        else if (key in stale) finding(ratchet_line[key], key " " stale[key])
    }
    exit findings > 0
}
