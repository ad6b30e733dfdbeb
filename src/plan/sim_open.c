/* sim_open: everything of a simulation that stays the same from year to year. */
#include <math.h>
#include <stdio.h>

#include "base/err.h"
#include "plan/sim_impl.h"

/* The line of the design that an error of a module is about: that of a variable whose path its text names, or else of
 * the list element whose name it gives. */
static uint32_t line_of(const struct plan_design *d, const char *text) {
    struct plan_item it = {0};
    uint32_t element = 0;
    char path[PLAN_PATH_MAX];
    while (plan_item_next(d, &it)) {
        if (!it.line) continue;
        plan_item_path(&it, path, sizeof path);
        if (strstr(text, path)) return it.line;
        char *bracket = strchr(path, ']');
        if (!bracket || element) continue;
        bracket[1] = '\0';
        if (strstr(text, path)) element = it.line;
    }
    return element;
}

static sil_err locate(const struct plan_design *d, sil_err rc, struct sil_error *e) {
    if (rc == SIL_OK || !e) return rc;
    uint32_t line = line_of(d, e->text);
    return line ? err_prefix(e, rc, "%s:%u", d->file, (unsigned)line) : err_prefix(e, rc, "%s", d->file);
}

/* An error about one variable, whose path its text does not name. */
static sil_err locate_at(const struct plan_design *d, const char *path, sil_err rc, struct sil_error *e) {
    struct plan_item it;
    if (rc == SIL_OK) return rc;
    bool given = plan_design_find(d, path, &it) && it.line;
    return given ? err_prefix(e, rc, "%s:%u: %s", d->file, (unsigned)it.line, path)
                 : err_prefix(e, rc, "%s: %s", d->file, path);
}

static sil_err open_weather(struct sim *s, struct sil_error *e) {
    const struct plan_design *d = s->design;
    s->weather_config = d->c.weather;
    if (d->c.weather.file[0])
        SIL_TRY(plan_design_file(d, d->c.weather.file, s->weather_config.file, sizeof s->weather_config.file, e));
    if (s->like && plan_same(&weather_group, &s->like->weather_config, &s->weather_config))
        s->weather = s->like->weather;
    else return locate_at(d, "weather.file", weather_load(&s->weather_config, s->mem, &s->weather, e), e);
    return SIL_OK;
}

int32_t sim_year_shown(const struct sim *s) {
    int64_t y = s->design->c.run.year;
    return y ? (int32_t)y : build_full_year(&s->build);
}

static sil_err open_sun(struct sim *s, struct sil_error *e) {
    const struct weather *w = s->weather;
    if (s->like && s->like->weather == w && s->like->per_hour == s->per_hour) {
        s->sun = s->like->sun;
        return SIL_OK;
    }
    struct sun_site site = {w->latitude_deg, w->longitude_deg, w->zone_h, w->height_m};
    return sun_year_new(&site, sim_year_shown(s), s->per_hour, s->mem, &s->sun, e);
}

/* The plant is as large as the contract allows, or as the machines need when that is less. */
static sil_err open_plant(struct sim *s, struct sil_error *e) {
    const struct plan_configs *c = &s->design->c;
    struct climate_step design;
    double online[FLEET_POOLS_MAX], idle, peak;
    facility_design_hour(&c->cooling, s->weather, &design);
    sil_err rc =
        facility_size(&c->electrical, &c->cooling, c->site.contract_w, c->site.other_share, &design, &s->facility, e);
    if (rc != SIL_OK) return err_prefix(e, rc, "site.contract");
    double pue = isnan(c->site.design_pue) ? s->facility.design_pue : c->site.design_pue;
    s->fleet_contract_w = c->site.contract_w;
    s->fleet_pue = pue;
    const struct sim *l = s->like;
    if (l && l->fleet_contract_w == c->site.contract_w && l->fleet_pue == pue &&
        plan_same(&fleet_group, &l->design->c.fleet, &c->fleet))
        s->fleet = l->fleet;
    else SIL_TRY(fleet_build(&c->fleet, c->site.contract_w, pue, s->mem, &s->fleet, e));
    for (int i = 0; i < FLEET_POOLS_MAX; i++) online[i] = 1;
    fleet_power_range(s->fleet, online, &idle, &peak);
    if (peak < s->facility.design_it_w)
        SIL_TRY(facility_init(&c->electrical, &c->cooling, peak, c->site.other_share, &design, &s->facility, e));
    struct facility_out out;
    facility_step(&s->facility, &design, idle, &out);
    if (out.total_w > c->site.contract_w)
        return err_set(
            e, SIL_ARG,
            "site.contract of %.3f MW is too small: the machines alone take %.3f MW while idle, with losses and "
            "cooling; allowed: more than that, or fewer GPUs",
            c->site.contract_w / 1e6, out.total_w / 1e6);
    return SIL_OK;
}

static sil_err open_series(struct sim *s, struct sil_error *e) {
    s->pv = mem_array(s->mem, s->n, sizeof *s->pv);
    s->wind = mem_array(s->mem, s->n, sizeof *s->wind);
    s->energy = mem_alloc(s->mem, sizeof *s->energy);
    if (!s->pv || !s->wind || !s->energy)
        return err_nomem(e, "the series of a year", (size_t)s->n * 2 * sizeof(double) + sizeof *s->energy);
    if (s->like && s->like->climate_ready && s->like->sun.step == s->sun.step) {
        s->climate = s->like->climate;
        s->climate_ready = true;
        return SIL_OK;
    }
    return climate_new(s->per_hour, s->mem, &s->climate, e);
}

sil_err sim_open(const struct plan_design *d, double step_s, const struct sim *like, struct mem mem, struct sim **out,
                 struct sil_error *e) {
    struct sim *s = mem_array(mem, 1, sizeof *s);
    if (!s) return err_nomem(e, "a simulation", sizeof *s);
    s->design = d;
    s->mem = mem;
    s->like = like;
    s->stop = like ? like->stop : NULL;
    s->step_s = step_s;
    s->per_hour = (uint32_t)lround(3600 / step_s);
    s->n = s->per_hour * WEATHER_HOURS;
    build_make(&d->c.build, d->c.site.contract_w, d->c.finance.ramp, d->c.finance.n_ramp, &s->build);
    sil_err rc = open_weather(s, e);
    if (rc == SIL_OK) rc = open_sun(s, e);
    if (rc == SIL_OK) rc = locate(d, open_plant(s, e), e);
    if (rc == SIL_OK) rc = open_series(s, e);
    if (rc != SIL_OK) {
        sim_close(s);
        return rc;
    }
    *out = s;
    return SIL_OK;
}

void sim_close(struct sim *s) {
    if (!s) return;
    bool own_sun = !s->like || s->like->sun.step != s->sun.step;
    if (own_sun) sun_year_free(&s->sun, s->mem);
    if (!s->like || s->like->weather != s->weather) mem_free(s->mem, s->weather);
    if (!s->like || s->like->fleet != s->fleet) fleet_free(s->fleet);
    if (!s->like || s->like->climate.step != s->climate.step) climate_free(&s->climate, s->mem);
    mem_free(s->mem, s->pv);
    mem_free(s->mem, s->wind);
    mem_free(s->mem, s->energy);
    mem_free(s->mem, s);
}

void sim_stop_when(struct sim *s, const struct plan_stop *stop) {
    s->stop = stop;
}

void sim_refresh(struct sim *s) {
    s->climate_ready = s->like && s->like->climate.step == s->climate.step;
    s->shapes_ready = false;
}

uint32_t sim_steps(const struct sim *s) {
    return s->n;
}

const struct weather *sim_weather(const struct sim *s) {
    return s->weather;
}

const struct facility *sim_facility(const struct sim *s) {
    return &s->facility;
}

const struct fleet *sim_fleet(const struct sim *s) {
    return s->fleet;
}

const struct build_plan *sim_build(const struct sim *s) {
    return &s->build;
}
