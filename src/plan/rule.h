/* rule: the dispatcher that follows rules instead of an optimum.
 *
 * 1. Own PV and wind serve the load; what is left charges the battery, then is exported, then curtailed.
 * 2. When the load exceeds own generation and what the connection may carry, the battery gives the rest (down to its
 *    lower limit): this is what available_w promises.
 * 3. What is stored of own generation serves the load as soon as there is a deficit (own_first).
 * 4. In the dearest hours of a day the battery gives, in the cheapest it takes from the grid, when the spread of that
 *    day pays for losses and wear.
 * 5. Import above the demand target (a share of the contract) is shaved by the battery as far as it goes; charging
 *    never lifts import above the demand that is already billed, or the target.
 * It looks ahead within the day only: prices of the day are known, weather and load are not. */
#ifndef SIL_PLAN_RULE_H
#define SIL_PLAN_RULE_H

#include <stdbool.h>

#include "plan/battery.h"
#include "plan/dispatch.h"
#include "plan/var.h"

struct rule_config {
    bool own_first;       /* rule 3 */
    bool arbitrage;       /* rule 4 */
    bool grid_charge;     /* the battery may charge from the grid */
    double demand_target; /* of the contract; NAN: no shaving */
    double reserve;       /* state of charge kept for rule 2, of capacity, above soc_min */
    double wear;          /* KRW per kWh discharged, in the comparison of rule 4 */
};

extern const struct plan_group rule_group;

struct rule {
    const struct rule_config *c;
    double contract_w;
    struct battery battery;
    double day_low[366], day_high[366]; /* price of import, KRW/kWh */
    uint32_t n_days;
    uint32_t day; /* in progress */
    /* Of the last step, for the account of carbon. */
    double green_w; /* carbon-free supply of the load from own generation and storage */
};

/* A rule dispatcher with a fresh battery. Without a price horizon in begin(), rule 4 rests. c, b must outlive r. */
void rule_init(struct rule *r, const struct rule_config *c, const struct battery_config *b, double contract_w);
struct plan_dispatcher rule_dispatcher(struct rule *r);

#endif
