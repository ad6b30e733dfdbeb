/* png: indexed pictures for maps of a whole year. Source of the format: W3C, Portable Network Graphics (PNG), 3rd ed.;
 * RFC 1950 and 1951 for the compressed stream, which here holds stored blocks only (a year of quarter hours is 35 kB).
 */
#ifndef SIL_PLAN_PNG_H
#define SIL_PLAN_PNG_H

#include <stdint.h>

#include "base/buf.h"

enum { PNG_SIDE_MAX = 4096 };

/* Appends w x h pixels (rows top first, indices into 256 colours 0xRRGGBB) as PNG in base64. SIL_ARG for a side of 0 or
 * above PNG_SIDE_MAX; SIL_LIMIT, SIL_NOMEM from the buffer, which may then hold a part. */
sil_err png_base64(struct buf *out, uint32_t w, uint32_t h, const uint8_t *index, const uint32_t colour[256]);

#endif
