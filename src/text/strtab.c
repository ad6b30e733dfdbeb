#include "text/strtab.h"

sil_err strtab_init(struct strtab *t, struct arena *a, size_t n, const char *blob, const uint32_t *off) {
    size_t slots = 16;
    while (slots < n + n / 2 + 1) slots *= 2;
    *t = (struct strtab){ARENA_ARRAY(a, slots, uint64_t), (uint32_t)(slots - 1), blob, off};
    return t->slots ? SIL_OK : SIL_NOMEM;
}

sil_err strtab_put(struct strtab *t, uint32_t id, bool replace) {
    const char *p = t->blob + t->off[id];
    size_t n = t->off[id + 1] - t->off[id];
    uint64_t hash = strtab_hash(p, n);
    uint32_t i = (uint32_t)(hash >> 32) & t->mask;
    for (int probes = 0; probes < STRTAB_PROBES_MAX; probes++, i = (i + 1) & t->mask) {
        uint64_t s = t->slots[i];
        bool same = false;
        if (s != 0 && s >> 32 == (hash & 0xffffffffu)) {
            uint32_t old = (uint32_t)s - 1;
            same = t->off[old + 1] - t->off[old] == n && memcmp(t->blob + t->off[old], p, n) == 0;
        }
        if (s != 0 && !same) continue;
        if (s == 0 || replace) t->slots[i] = hash << 32 | (id + 1);
        return SIL_OK;
    }
    return SIL_LIMIT;
}
