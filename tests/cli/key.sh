#!/bin/sh
# sillok key and sillok usage: what operators type, and the mistakes that they make.
. tests/cli/tap.sh

S=$tap_tmp/state
key() {
    "$SILLOK" key "$@" --state "$S"
}
exits "no state directory" 1 key list
has "... says where it looked" "$(cat "$tap_tmp/err")" "keys.db is not there; say where the server's state is"
exits "add makes it" 0 key add 법무부 --name laptop --requests-minute 60 --tokens-day 100000 --weight 5
secret=$(cat "$tap_tmp/out")
is "the key has 256 random bits" "$(printf %s "$secret" | grep -cE '^sk-sillok-[A-Za-z0-9_-]{43}$')" 1
has "... and is shown once" "$(cat "$tap_tmp/err")" "only a hash is kept"
is "it is nowhere on disk" "$(cat "$S"/keys.db* | grep -cF "${secret#sk-sillok-}")" 0
is "the folder is its owner's" "$(stat -c %a "$S")" 700
is "the file too" "$(stat -c %a "$S/keys.db")" 600
exits "another key of the same tenant" 0 key add 법무부 --expires 1
exits "of another, as JSON" 0 key add acme --name k --json
has "... with everything" "$(cat "$tap_tmp/out")" '{"id":3,"tenant":"acme","name":"k","key":"sk-sillok-'
exits "an administrator's" 0 key add acme --name boss --admin
has "... is said to be one" "$(cat "$tap_tmp/err")" "an administrator's"
exits "a name twice" 1 key add acme --name k
has "... is refused" "$(cat "$tap_tmp/err")" 'a key called "k" already'
exits "list" 0 key list
has "... has names" "$(cat "$tap_tmp/out")" "법무부/laptop"
is "... and says which are administrators'" "$(grep -c admin "$tap_tmp/out")" 1
is "... but no keys" "$(grep -c 'sk-sillok' "$tap_tmp/out")" 0
exits "tenants" 0 key tenants --json
is "... is JSON" "$(python3 -c 'import json,sys; t=json.load(open(sys.argv[1])); print(t[0]["requests_per_minute"], t[0]["weight"], t[0]["keys"], t[1]["tokens_per_day"])' "$tap_tmp/out")" "60 5 2 None"
exits "set" 0 key set 법무부 --concurrent 4 --models guide,other --transcript text
exits "set of nobody" 1 key set nobody --weight 2
has "... says so" "$(cat "$tap_tmp/err")" 'there is no tenant "nobody"'
exits "set nothing" 1 key set acme
exits "tenants" 0 key tenants
has "... keeps what was not set" "$(cat "$tap_tmp/out")" "60"
exits "revoke by name" 0 key revoke 법무부/laptop
exits "revoke by number" 0 key revoke 3
exits "... again" 0 key revoke 3
has "... says so" "$(cat "$tap_tmp/err")" "was revoked before"
exits "revoke nothing" 1 key revoke 99
exits "revoke a stranger" 1 key revoke acme/zz
exits "list as JSON" 0 key list --json
is "... with states" "$(python3 -c 'import json,sys; print(*[k["state"] for k in json.load(open(sys.argv[1]))])' "$tap_tmp/out")" "revoked active revoked active"
is "... and kinds" "$(python3 -c 'import json,sys; print(*[k["admin"] for k in json.load(open(sys.argv[1]))])' "$tap_tmp/out")" "False False False True"

exits "SQL in a name is a name" 0 key add "x'); DROP TABLE keys;--"
exits "... and nothing more" 0 key list
has "... all there" "$(cat "$tap_tmp/out")" "DROP TABLE"
exits "a bad name" 1 key add "$(printf 'a\033[31m')"
is "... does not reach the terminal" "$(grep -c "$(printf '\033')" "$tap_tmp/err")" 0
exits "quotes" 1 key add 'a"b'
exits "an unknown verb" 2 key ad
has "... and the right one" "$(cat "$tap_tmp/err")" "did you mean add?"
exits "nobody" 2 key add
exits "too much" 2 key list acme
exits "a weight of nothing" 2 key add a --weight 0
exits "a transcript of another kind" 1 key add a --transcript all
exits "suspended and not" 2 key set acme --suspend --resume

# --- usage ---
exits "nothing used" 0 "$SILLOK" usage --state "$S"
add() {
    "$SILLOK_BUILD/tests/tool_gate_usage" "$S" "$@"
}
ok "rows" add 20000 1 1 guide 2 10 4 6
ok "... of another key" add 20000 1 2 guide 1 5 0 5
ok "... of another model" add 20000 1 1 other 1 1 0 1
ok "... of another day" add 20001 3 3 guide 7 70 0 7
exits "CSV" 0 "$SILLOK" usage --csv --state "$S"
is "... sums the keys of a tenant" "$(cat "$tap_tmp/out")" 'day,tenant,model,requests,prompt_tokens,cached_tokens,answer_tokens,energy_j
2024-10-04,"법무부","guide",3,15,4,11,0.000
2024-10-04,"법무부","other",1,1,0,1,0.000
2024-10-05,"acme","guide",7,70,0,7,0.000'
exits "by key" 0 "$SILLOK" usage --csv --by-key --from 2024-10-04 --to 2024-10-04 --state "$S"
is "... has each" "$(grep -c guide "$tap_tmp/out")" 2
exits "JSON" 0 "$SILLOK" usage --json --tenant acme --state "$S"
is "... of one tenant" "$(python3 -c 'import json,sys; u=json.load(open(sys.argv[1])); print(len(u), u[0]["requests"], u[0]["day"])' "$tap_tmp/out")" "1 7 2024-10-05"
exits "a table" 0 "$SILLOK" usage --state "$S"
has "... for people" "$(cat "$tap_tmp/out")" "법무부, guide"
for d in 2024-02-30 2024-1-01 yesterday 2024-13-01; do exits "no date: $d" 2 "$SILLOK" usage --from "$d" --state "$S"; done
exits "of nobody" 1 "$SILLOK" usage --tenant nobody --state "$S"

# --- the settings name the state directory ---
printf 'state: state\n' >"$tap_tmp/serve.yaml"
exits "by --config" 0 "$SILLOK" key list --config "$tap_tmp/serve.yaml"
has "... the same keys" "$(cat "$tap_tmp/out")" "laptop"
exits "both" 1 "$SILLOK" key list --config "$tap_tmp/serve.yaml" --state "$S"
printf 'sate: state\n' >"$tap_tmp/serve.yaml"
exits "a mistake in them" 1 "$SILLOK" key list --config "$tap_tmp/serve.yaml"
has "... has its place" "$(cat "$tap_tmp/err")" "serve.yaml:1:1: unknown key \"sate\" (did you mean state?)"
done_testing
