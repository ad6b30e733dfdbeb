#!/bin/sh
# The simulation of the scheduler (tests/sched_sim.c) has teeth: each of these breaks is found within so many lives, and
# the scheduler as it is passes them.
# sanitizers: no
. tests/cli/tap.sh

lives=3000
cc=${CC:-cc}
base="src/base/mem.c src/base/err.c src/base/rng.c"
rest="tests/sched_model.c tests/sched_sim.c tests/sched_shared.c tests/test_sched_sim.c"

# shellcheck disable=SC2086 # lists of files
for f in $base $rest; do
    "$cc" -std=gnu11 -O1 -Iinclude -Isrc -Itests -c "$f" -o "$tap_tmp/$(basename "$f" .c).o" || exit 1
done
for f in src/sched/*.c; do
    "$cc" -std=gnu11 -O1 -Iinclude -Isrc -c "$f" -o "$tap_tmp/sched_$(basename "$f" .c).o" || exit 1
done

# live FILE.c: lives with this file in place of the scheduler's own; what was said is in $said
live() {
    rm -rf "$tap_tmp/objects" && mkdir "$tap_tmp/objects"
    cp "$tap_tmp"/*.o "$tap_tmp/objects"
    "$cc" -std=gnu11 -O1 -w -Iinclude -Isrc -c "$1" -o "$tap_tmp/objects/sched_$(basename "$1" .c).o" || return 2
    "$cc" "$tap_tmp"/objects/*.o -lcmocka -lm -o "$tap_tmp/sim" || return 2
    said=$(SEEDS=$lives timeout 300 "$tap_tmp/sim" 2>&1) || return 1 # cmocka says how many tests failed
}

# broken NAME FILE SED: the file with this change does not live through it
broken() {
    sed "$3" "src/sched/$2.c" >"$tap_tmp/$2.c"
    if [ "$(diff "src/sched/$2.c" "$tap_tmp/$2.c" | grep -c '^[<>]')" -lt 1 ]; then
        fail "$1" "the change does not fit src/sched/$2.c any more"
        return
    fi
    live "$tap_tmp/$2.c"
    case $? in
    0) fail "$1" "nothing was found: $said" ;;
    2) fail "$1" "it does not compile" ;;
    *) pass "$1" && note "$(printf '%s\n' "$said" | grep -o -e 'SEED=.*' -e 'Assertion.*' | head -n 1)" ;;
    esac
}

if live src/sched/plan.c; then pass "as it is"; else fail "as it is" "$said"; fi
broken "an id's generation is not looked at" sched 's/ && r->generation == id >> 32//'
broken "a drain lets requests in" sched 's/if (s->draining) return SCHED_DRAINING;//'
broken "a tenant's limit of live requests is off by one" sched 's/t->n_live >= t->terms.max_live/t->n_live > t->terms.max_live/'
broken "who was preempted may start again before the step" sched 's/    r->preempted = s->step_no;//'
broken "deadlines are looked at late" plan 's/due <= s->time;)/due + 5000000 <= s->time;)/'
broken "the clock may jump" plan 's/if (gap > s->c.max_gap_ns) gap = s->c.max_gap_ns;//'
broken "the clock may go back" plan 's/s->has_now \&\& now_ns > s->last_now ?/s->has_now ?/'
broken "a drain has no end" plan 's/if (s->drain_at > s->time) return;/return;/'
broken "tokens computed again are paid again" plan 's/least_u32(least_u32(had, r->held), r->n_prompt)/0/'
broken "the first are the last" queue 's/a->key < b->key/a->key > b->key/'
broken "weights are not looked at" queue 's/gain = s->c.quantum \* weight/gain = s->c.quantum/'
broken "nobody pays" queue 's/f->deficit -= tokens;//'
broken "a tenant's sessions are not counted down" queue 's/s->tenants\[q->tenant\].n_held--;//'
broken "who leaves the middle of the heap takes others along" queue 's/else s->requests\[up\].right = rest;//'
broken "no guests" start 's/if (guest \&\& /if (guest || /'
broken "what can wait does not" start 's/if (start_wanted(s, 0) || .*/if (false) return;/'
broken "sessions without limit for a tenant" start 's/return tenant_may_start(s, f) \&\&/return f->heap != NONE \&\&/'
broken "the second is started before the first" start 's/uint32_t at = s->flows\[f\].heap;/uint32_t at = s->requests[s->flows[f].heap].left != NONE ? s->requests[s->flows[f].heap].left : s->flows[f].heap;/'
broken "pages are not counted" rows 's/return pages_for(s, had + n) - pages_for(s, had) .*/return 0;/'
broken "prompts hold answers up" rows 's/if (p->timed) n = /if (false) n = /'
broken "answers stall" rows 's/r->level == level \&\& decoding(r)) take_decode/r->level == level \&\& decoding(r) \&\& i % 3 != 2) take_decode/'
broken "the earliest loses its pages" rows 's/a->seq < b->seq/a->seq > b->seq/'
broken "too many logits" rows 's/(c->max_logits - n_items) \/ n_items/c->max_logits \/ n_items/'
broken "a sequence too many" rows 's/\.items = power_batch(s),/.items = power_batch(s) + 1,/'
broken "what can wait spends the last joules" rows 's/bool defer = p.items \&\& .*/bool defer = p.items;/'
broken "steps do not wait for joules" power 's/    return wait_for(s, (joules < most ? .*/    return 0;/'
broken "joules are saved without limit" budget 's/if (b->credit_j > most) b->credit_j = most;//'
broken "a step is free" budget 's/b->credit_j -= joules;//'
broken "each model has all the joules" power 's/if (s->budget == &s->own) budget_accrue/if (true) budget_accrue/'
broken "a time that another model saw already counts again" budget 's/if (b->has_now && now_ns < b->last_now .*/if (false) return;/'
broken "who is unloaded leaves a full bucket" budget 's/    s->budget = &s->own;/    s->budget->credit_j = budget_bucket_j(s->budget); s->budget = \&s->own;/'
broken "who is loaded brings a full bucket" budget 's/    s->budget = b;/    s->budget = b; b->credit_j = budget_bucket_j(b);/'
broken "small steps of one model starve another" budget 's/kept += d->need_j;/;/'
broken "who has drawn most goes first" budget 's/return a < c ||/return a > c ||/'
broken "timers are forgotten when one is taken out" timer 's/    settle(s, at);$//'
done_testing
