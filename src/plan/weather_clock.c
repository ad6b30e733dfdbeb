/* weather_clock: whether a file's irradiance follows the sun, and moving it where it does not. */
#include <math.h>
#include <string.h>

#include "plan/weather.h"
#include "plan/weather_sun.h"
#include "plan/weather_text.h"

#define PI      3.14159265358979323846
#define SOLAR_W 1361.0

enum { DAYS = 365, CLEAR = 10, SLOTS = 12 };

static const int first_day[13] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365};

void weather_sun_day(const struct weather *w, int day, struct weather_sun *out) {
    double g = 2.0 * PI * day / DAYS, phi = w->latitude_deg * PI / 180.0;
    double dec = 0.006918 - 0.399912 * cos(g) + 0.070257 * sin(g) - 0.006758 * cos(2 * g) + 0.000907 * sin(2 * g) -
                 0.002697 * cos(3 * g) + 0.00148 * sin(3 * g);
    double equation = 0.000075 + 0.001868 * cos(g) - 0.032077 * sin(g) - 0.014615 * cos(2 * g) - 0.040849 * sin(2 * g);
    double nearness = 1.00011 + 0.034221 * cos(g) + 0.00128 * sin(g) + 0.000719 * cos(2 * g) + 0.000077 * sin(2 * g);
    out->a = sin(phi) * sin(dec);
    out->b = cos(phi) * cos(dec);
    double edge = out->b > 1e-9 ? -out->a / out->b : out->a > 0.0 ? -1.0 : 1.0;
    out->half_day = edge >= 1.0 ? 0.0 : edge <= -1.0 ? PI : acos(edge);
    out->noon_h = 12.0 - equation * 12.0 / PI - (w->longitude_deg - 15.0 * w->zone_h) / 15.0;
    out->extra_w_m2 = SOLAR_W * nearness;
}

double weather_sun_up(const struct weather_sun *s, double hour) {
    double up = s->a + s->b * cos((hour - s->noon_h) * PI / 12.0);
    return up > 0.0 ? up : 0.0;
}

/* How much earlier than the sun's noon the middle of a day's light lies, and how clear the day is. */
struct day_light {
    double early_h, clearness;
};

static struct day_light light_of(const struct weather *w, int day) {
    struct weather_sun s;
    weather_sun_day(w, day, &s);
    double sum = 0.0, moment = 0.0;
    for (int h = 0; h < 24; h++) {
        double ghi = w->hour[24 * day + h].ghi_w_m2;
        sum += ghi;
        moment += ghi * (h + 0.5);
    }
    double most = s.extra_w_m2 * (s.a * s.half_day + s.b * sin(s.half_day)) * 24.0 / PI;
    if (!(sum > 0.0 && most > 0.0)) return (struct day_light){0.0, 0.0};
    return (struct day_light){s.noon_h - moment / sum, sum / most};
}

/* Mean over the month's ten clearest days, whose mornings and afternoons are alike; to the nearest half hour, or 0 when
 * it is near none (weather that is not of this place, or made up). */
static double month_early_h(const struct weather *w, int month) {
    struct day_light top[CLEAR] = {{0}};
    for (int d = first_day[month]; d < first_day[month + 1]; d++) {
        struct day_light l = light_of(w, d);
        if (l.clearness <= top[CLEAR - 1].clearness) continue;
        int i = CLEAR - 1;
        for (; i > 0 && top[i - 1].clearness < l.clearness; i--) top[i] = top[i - 1];
        top[i] = l;
    }
    double sum = 0.0;
    for (int i = 0; i < CLEAR; i++) {
        if (!(top[i].clearness > 0.3)) return 0.0; /* too dull a month to tell */
        sum += top[i].early_h / CLEAR;
    }
    double nearest = 0.5 * round(2.0 * sum);
    return fabs(sum - nearest) < 0.18 && fabs(nearest) <= 1.5 ? nearest : 0.0;
}

/* Spreads what row h holds for [h + later, h + later + 1) over the hours of the clock, in proportion to the sun's
 * height. */
static void spread(const struct weather_hour *row, const struct weather_sun *s, int h, double later,
                   struct weather *out) {
    double up[SLOTS], mean = 0.0;
    int lit = 0;
    for (int k = 0; k < SLOTS; k++) {
        up[k] = weather_sun_up(s, h % 24 + later + (k + 0.5) / SLOTS);
        mean += up[k] / SLOTS;
        lit += up[k] > 0.0;
    }
    for (int k = 0; k < SLOTS; k++) {
        int to = (int)floor(h + later + (k + 0.5) / SLOTS);
        to = (to + WEATHER_HOURS) % WEATHER_HOURS;
        double share = mean > 0.0 ? up[k] / mean / SLOTS : 1.0 / SLOTS;
        out->hour[to].ghi_w_m2 += row->ghi_w_m2 * share;
        out->hour[to].dhi_w_m2 += row->dhi_w_m2 * share;
        out->hour[to].dni_w_m2 += lit ? (up[k] > 0.0 ? row->dni_w_m2 / lit : 0.0) : row->dni_w_m2 / SLOTS;
    }
}

/* The irradiances of a year on the side, since rows give to their neighbours. */
struct light {
    double ghi, dni, dhi;
};

void weather_clock(struct weather *w) {
    bool moved = false;
    for (int m = 0; m < 12; m++) {
        w->moved_h[m] = month_early_h(w, m);
        if (w->moved_h[m] != 0.0) moved = true;
    }
    if (!moved) return;
    struct light rows[WEATHER_HOURS];
    for (int h = 0; h < WEATHER_HOURS; h++) {
        struct weather_hour *o = &w->hour[h];
        rows[h] = (struct light){o->ghi_w_m2, o->dni_w_m2, o->dhi_w_m2};
        o->ghi_w_m2 = o->dni_w_m2 = o->dhi_w_m2 = 0.0;
    }
    for (int m = 0; m < 12; m++) {
        for (int h = 24 * first_day[m]; h < 24 * first_day[m + 1]; h++) {
            struct weather_hour row = {.ghi_w_m2 = rows[h].ghi, .dni_w_m2 = rows[h].dni, .dhi_w_m2 = rows[h].dhi};
            struct weather_sun s;
            if (w->moved_h[m] == 0.0) {
                w->hour[h].ghi_w_m2 += row.ghi_w_m2;
                w->hour[h].dni_w_m2 += row.dni_w_m2;
                w->hour[h].dhi_w_m2 += row.dhi_w_m2;
                continue;
            }
            if (row.ghi_w_m2 + row.dni_w_m2 + row.dhi_w_m2 == 0.0) continue;
            weather_sun_day(w, h / 24, &s);
            spread(&row, &s, h, w->moved_h[m], w);
        }
    }
    weather_copy(w->origin, strlen(w->origin), STR("; irradiance moved to follow the sun"));
}
