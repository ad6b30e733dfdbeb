/* check_list: every module's check rows. */
#include "plan/check_list.h"

#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "base/file.h"
#include "plan/check_energy.h"
#include "plan/check_env.h"
#include "plan/check_fleet.h"
#include "plan/var.h"

enum { PATH_BYTES = 4096 };

const struct plan_check_list plan_check_lists[] = {
    {env_checks, &env_n_checks},
    {energy_checks, &energy_n_checks},
    {fleet_checks, &fleet_n_checks},
};
const size_t plan_n_check_lists = PLAN_COUNT(plan_check_lists);

size_t plan_check_count(void) {
    size_t n = 0;
    for (size_t i = 0; i < plan_n_check_lists; i++) n += *plan_check_lists[i].n;
    return n;
}

static bool has_data(const char *shared, const char *file) {
    char path[PATH_BYTES];
    struct file_in in;
    int n = shared ? snprintf(path, sizeof path, "%s/%s", shared, file) : -1;
    if (n < 0 || (size_t)n >= sizeof path || file_open(path, &in, NULL) != SIL_OK) return false;
    file_close(&in);
    return true;
}

void plan_check_eval(const struct plan_check *c, const struct plan_check_ctx *ctx, struct plan_check_result *out) {
    *out = (struct plan_check_result){.got = NAN, .tolerance = fmax(c->abs, c->rel * fabs(c->expected))};
    if (c->needs && !has_data(ctx->shared, c->needs)) {
        out->status = PLAN_CHECK_SKIP;
        err_set(&out->error, SIL_IO, "needs %s", c->needs);
        return;
    }
    bool answered = c->got(ctx, c->arg, &out->got, &out->error) == SIL_OK;
    out->status = answered && fabs(out->got - c->expected) <= out->tolerance ? PLAN_CHECK_PASS : PLAN_CHECK_MISS;
    if (!answered) out->got = NAN;
    else if (out->status == PLAN_CHECK_MISS && c->note && strstr(c->note, "missed: "))
        out->status = PLAN_CHECK_EXPLAINED;
}
