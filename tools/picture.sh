#!/bin/sh
# Draws docs/first-run.svg: a real session of the program in a terminal (tmux), as text in an SVG.
#   tools/picture.sh MODEL.gguf
set -eu
cd "$(dirname "$0")/.."
model=${1:?which GGUF file?}
command -v tmux >/dev/null || { echo "tmux is needed" >&2; exit 1; }
cols=100 rows=24
export TMUX_TMPDIR="${TMPDIR:-/tmp}"
t() { tmux -L sillok-picture "$@"; }
trap 't kill-server 2>/dev/null || true' EXIT
ln -sf "$(realpath "$model")" "${TMPDIR:-/tmp}/stories260K.gguf"
t -f /dev/null new-session -d -x $cols -y $rows "PS1='\$ ' exec sh"
say() {
    t send-keys -l "$1"
    t send-keys Enter
    sleep "$2"
}
say "clear" 0.5
say "./dev run ${TMPDIR:-/tmp}/stories260K.gguf -n 90 --temp 0 --stats" 3
say "Once upon a time" 2
say "The dog" 2
say "/quit" 1
say "build/sillok logits ${TMPDIR:-/tmp}/stories260K.gguf --tokens 1,403,407 --hash --cpu scalar" 1
say "build/sillok logits ${TMPDIR:-/tmp}/stories260K.gguf --tokens 1,403,407 --hash --threads 2" 1
t capture-pane -p | sed "s,${TMPDIR:-/tmp}/,models/,g" | awk -v cols=$cols '
    { line[NR] = $0; if ($0 != "") last = NR }
    END {
        h = last * 18 + 28; w = cols * 8.05 + 28
        printf "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" width=\"%d\" height=\"%d\">\n", w, h, w, h
        print "<title>A first session with Sillok in a terminal</title>"
        printf "<rect width=\"%d\" height=\"%d\" rx=\"8\" fill=\"#16181d\"/>\n", w, h
        print "<g font-family=\"ui-monospace, DejaVu Sans Mono, Noto Sans Mono CJK KR, monospace\" font-size=\"13.3\" fill=\"#d7dae0\">"
        for (i = 1; i <= last; i++) {
            s = line[i]; gsub(/&/, "\\&amp;", s); gsub(/</, "\\&lt;", s)
            colour = (s ~ /^(\$|>) / || s ~ /^> /) ? " fill=\"#8ab4f8\"" : s ~ /^prompt [0-9]|parameters, context/ ? " fill=\"#9aa0a6\"" : ""
            printf "<text x=\"14\" y=\"%d\" xml:space=\"preserve\"%s>%s</text>\n", 14 + i * 18, colour, s
        }
        print "</g></svg>"
    }' >docs/first-run.svg
