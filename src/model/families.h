/* families: the architectures that Sillok runs. A new one is a source file, a line here and a line in model.c. */
#ifndef SIL_MODEL_FAMILIES_H
#define SIL_MODEL_FAMILIES_H

#include "model/model.h"

extern const struct model_family llama_family;
extern const struct model_family qwen3_family;

#endif
