/* psychro: moist air. ASHRAE Handbook Fundamentals (2017, SI), chapter 1: saturation pressure by Hyland and Wexler
 * (equations 5 and 6), humidity ratio (20 and 22), enthalpy (30), thermodynamic wet bulb (33 and 35).
 *
 * Units: degC, Pa, kg of water per kg of dry air, J per kg of dry air, relative humidity as a share 0..1.
 * Range: -100..200 degC; every function is pure and total on finite input (outside the range the formulas are
 * continued, not checked). Wet bulb over water from 0 degC on, over ice below; where both exist, that of water. */
#ifndef SIL_PLAN_PSYCHRO_H
#define SIL_PLAN_PSYCHRO_H

#define PSYCHRO_RATIO  0.621945  /* molar mass of water over that of dry air (ASHRAE 2017, 1.20) */
#define PSYCHRO_CP_AIR 1006.0    /* J/(kg K), as in the enthalpy formula */
#define PSYCHRO_HFG0   2501000.0 /* J/kg at 0 degC */
#define PSYCHRO_P0     101325.0  /* Pa */

/* Saturation vapour pressure in Pa, over ice below 0 degC, over water otherwise. */
double psychro_psat(double t_c);

/* Humidity ratio of air with that vapour pressure. vapour_pa is held below 95 % of the pressure. */
double psychro_ratio(double vapour_pa, double pressure_pa);

/* Humidity ratio from dry bulb and relative humidity. */
double psychro_ratio_rh(double t_c, double rh, double pressure_pa);
double psychro_ratio_saturated(double t_c, double pressure_pa);

/* Humidity ratio from dry and wet bulb; not below 0. */
double psychro_ratio_wet_bulb(double t_c, double wet_bulb_c, double pressure_pa);

/* Relative humidity, 0 and more; above 1 where the air is supersaturated. */
double psychro_rh(double t_c, double ratio, double pressure_pa);

/* Specific enthalpy in J per kg of dry air, 0 for dry air at 0 degC. */
double psychro_enthalpy(double t_c, double ratio);

/* Dew (or frost) point; -100 for dry air. To 1e-6 K. */
double psychro_dew_point(double ratio, double pressure_pa);

/* Wet bulb to 1e-6 K by safeguarded Newton steps from `guess_c` (any number; a good one saves time: the dry bulb is a
 * poor one). Never above t_c; supersaturated air has its dry bulb. */
double psychro_wet_bulb(double t_c, double ratio, double pressure_pa, double guess_c);

/* Pressure of the standard atmosphere at a height above the sea, -500..11,000 m. */
double psychro_pressure(double height_m);

#endif
