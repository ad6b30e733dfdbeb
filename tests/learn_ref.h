/* learn_ref: the loss of a model over a batch in binary64, written as in the papers, as an oracle for gradients. Of
 * src/ it uses the layout of parameters alone. */
#ifndef SIL_TESTS_LEARN_REF_H
#define SIL_TESTS_LEARN_REF_H

#include "learn/net.h"

/* Sum of weight times -log p(target) over the batch's tokens. w: layout of p, in doubles. */
double learn_ref_loss(const struct params *p, const double *w, const struct batch *b);

#endif
