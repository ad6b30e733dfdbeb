/* model_file: the files of one model, mapped, parsed and joined. The one place where model files are opened. */
#ifndef SIL_MODEL_MODEL_FILE_H
#define SIL_MODEL_MODEL_FILE_H

#include "base/mem.h"
#include "base/str.h"
#include "formats/gguf.h"
#include "sillok.h"

struct model_file;

/* Opens a .gguf file; for NAME-00001-of-0000N.gguf all N shards, which must lie beside it. Given another shard, the
 * error says which file to give. What is not GGUF (a llama2.c model, safetensors, a directory, ...) is named in the
 * error with what to do. Tensors of types that Sillok does not know are SIL_UNSUPPORTED. */
sil_err model_file_open(const char *path, struct mem mem, struct model_file **out, struct sil_error *e);

/* The same for looking at a file only: tensors of unknown types are kept, with data == NULL. */
sil_err model_file_inspect(const char *path, struct mem mem, struct model_file **out, struct sil_error *e);

/* Unmaps: every view that came out of the file ends. NULL is allowed. */
void model_file_close(struct model_file *f);

/* Valid until model_file_close; may be read from any thread. */
const struct gguf *model_file_gguf(const struct model_file *f);
uint32_t model_file_shards(const struct model_file *f);
/* The bytes of shard i < model_file_shards, for digests and sizes. */
struct str model_file_bytes(const struct model_file *f, uint32_t i);

/* Tells the system that n mapped bytes at p will hardly be read again: their memory may be used for other things (they
 * are read anew if they are needed after all). */
void model_file_release(const struct model_file *f, const void *p, size_t n);

/* Writes a GGUF file whose tensors all have data to `path`, which takes its name only when it is whole. */
sil_err model_file_write(struct gguf_writer *w, const char *path, struct sil_error *e);

#endif
