/* weather_sun: the sun of a day from short series, to a quarter of a degree, for making and checking weather
 * (generation uses sun.h). J. W. Spencer, Search 2 (1971) 172. */
#ifndef SIL_PLAN_WEATHER_SUN_H
#define SIL_PLAN_WEATHER_SUN_H

#include "plan/weather.h"

/* Cosine of the zenith angle = a + b * cos(hour angle), with the hour angle 0 at noon_h. */
struct weather_sun {
    double a, b;
    double noon_h;     /* local standard time */
    double half_day;   /* hour angle of sunset, radians, 0..pi */
    double extra_w_m2; /* extraterrestrial normal irradiance */
};

/* day: 0..364. */
void weather_sun_day(const struct weather *w, int day, struct weather_sun *out);

/* Cosine of the zenith angle at an hour of local standard time, 0 at night. */
double weather_sun_up(const struct weather_sun *s, double hour);

#endif
