/* raps: the power chain of Frontier as ExaDigiT's RAPS models it (W. Brewer and others, "A Digital Twin Framework for
 * Liquid-cooled Supercomputers as Demonstrated at Exascale", SC24): every node behind its own direct-current converter
 * (SIVOC), four nodes and a switch behind a rectifier, each with an offset and an efficiency. A check of the
 * planner's arithmetic on a machine that was measured. Powers in W. */
#ifndef SIL_PLAN_RAPS_H
#define SIL_PLAN_RAPS_H

struct raps_chain {
    double sivoc_offset_w, sivoc_eta;         /* per node: in = (out + offset) / eta */
    double rectifier_offset_w, rectifier_eta; /* per group */
    double nodes_per_rectifier, rectifiers_per_rack;
    double switch_w; /* one per rectifier */
    double racks, cdus, cdu_w;
};

struct raps_node {
    double cpu_w, gpu_w, gpus, nics_w, memory_w, nvme_w;
};

extern const struct raps_chain raps_frontier;
extern const struct raps_node raps_frontier_idle, raps_frontier_peak;

double raps_node_w(const struct raps_node *n);
/* The machine with every node at node_w. */
double raps_system_w(const struct raps_chain *c, double node_w);

#endif
