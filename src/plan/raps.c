#include "plan/raps.h"

const struct raps_chain raps_frontier = {.sivoc_offset_w = 13.0,
                                         .sivoc_eta = 0.98,
                                         .rectifier_offset_w = 17.0,
                                         .rectifier_eta = 0.96,
                                         .nodes_per_rectifier = 4,
                                         .rectifiers_per_rack = 32,
                                         .switch_w = 250.0,
                                         .racks = 74,
                                         .cdus = 25,
                                         .cdu_w = 8473.47};
const struct raps_node raps_frontier_idle = {90.0, 88.0, 4, 80.0, 74.26, 30.0};
const struct raps_node raps_frontier_peak = {280.0, 560.0, 4, 80.0, 74.26, 30.0};

double raps_node_w(const struct raps_node *n) {
    return n->cpu_w + n->gpus * n->gpu_w + n->nics_w + n->memory_w + n->nvme_w;
}

double raps_system_w(const struct raps_chain *c, double node_w) {
    double sivoc_in = (node_w + c->sivoc_offset_w) / c->sivoc_eta;
    double out = c->nodes_per_rectifier * sivoc_in + c->switch_w;
    double rectifier_in = (out + c->rectifier_offset_w) / c->rectifier_eta;
    return c->racks * c->rectifiers_per_rack * rectifier_in + c->cdus * c->cdu_w;
}
