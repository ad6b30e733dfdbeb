#include "gguf_cases.h"

#include <string.h>

#include "formats/gguf.h"

/* Little-endian pieces. The buffers are unbounded enough that nothing here can fail but memory. */
static void raw(struct buf *b, const void *p, size_t n) {
    if (buf_put(b, p, n) != SIL_OK) b->max = 0; /* seen by the caller: the case is then not what it says */
}
static void u8(struct buf *b, uint8_t v) {
    raw(b, &v, 1);
}
static void u32(struct buf *b, uint32_t v) {
    raw(b, &v, 4);
}
static void u64(struct buf *b, uint64_t v) {
    raw(b, &v, 8);
}
static void text(struct buf *b, const char *s) {
    u64(b, strlen(s));
    raw(b, s, strlen(s));
}
static void head(struct buf *b, uint64_t n_tensors, uint64_t n_kv) {
    raw(b, "GGUF", 4);
    u32(b, 3);
    u64(b, n_tensors);
    u64(b, n_kv);
}
static void key(struct buf *b, const char *name, uint32_t type) {
    text(b, name);
    u32(b, type);
}
static void key_u32(struct buf *b, const char *name, uint32_t v) {
    key(b, name, GGUF_U32);
    u32(b, v);
}
static void key_array(struct buf *b, const char *name, uint32_t type, uint64_t n) {
    key(b, name, GGUF_ARRAY);
    u32(b, type);
    u64(b, n);
}
static void tensor(struct buf *b, const char *name, uint32_t type, uint64_t d0, uint64_t d1, uint64_t offset) {
    text(b, name);
    u32(b, d1 ? 2 : 1);
    u64(b, d0);
    if (d1) u64(b, d1);
    u32(b, type);
    u64(b, offset);
}
static void zeros(struct buf *b, size_t n) {
    while (n--) u8(b, 0);
}
static void align(struct buf *b, size_t to) {
    zeros(b, (size_t)(-b->n & (to - 1)));
}
/* The tensor data: padding, then n bytes. */
static void data(struct buf *b, size_t n) {
    align(b, 32);
    for (size_t i = 0; i < n; i++) u8(b, (uint8_t)(i * 7 + 1));
}

/* ---- good files ---- */

static void scalars(struct buf *b) {
    static const double f64 = -2.5e300;
    static const float f32 = 1e-5f;
    key(b, "kind.u8", GGUF_U8);
    u8(b, 255);
    key(b, "kind.i8", GGUF_I8);
    u8(b, 0x80);
    key(b, "kind.u16", GGUF_U16);
    raw(b, "\xff\xfe", 2);
    key(b, "kind.i16", GGUF_I16);
    raw(b, "\x00\x80", 2);
    key_u32(b, "kind.u32", 4000000000u);
    key(b, "kind.i32", GGUF_I32);
    u32(b, (uint32_t)-7);
    key(b, "kind.f32", GGUF_F32);
    raw(b, &f32, 4);
    key(b, "kind.bool", GGUF_BOOL);
    u8(b, 1);
    key(b, "kind.string", GGUF_STRING);
    text(b, "\xec\x8b\xa4\xeb\xa1\x9d"); /* 실록 */
    key(b, "kind.u64", GGUF_U64);
    u64(b, UINT64_MAX);
    key(b, "kind.i64", GGUF_I64);
    u64(b, (uint64_t)INT64_MIN);
    key(b, "kind.f64", GGUF_F64);
    raw(b, &f64, 8);
}

static void arrays(struct buf *b) {
    key_array(b, "array.i32", GGUF_I32, 3);
    u32(b, 1);
    u32(b, (uint32_t)-2);
    u32(b, 3);
    key_array(b, "array.bool", GGUF_BOOL, 2);
    raw(b, "\x00\x01", 2);
    key_array(b, "array.string", GGUF_STRING, 3);
    text(b, "a");
    text(b, "");
    text(b, "\xff not UTF-8");
    key_array(b, "array.empty", GGUF_U8, 0);
    key_array(b, "array.nested", GGUF_ARRAY, 2);
    u32(b, GGUF_U8);
    u64(b, 3);
    raw(b, "\x01\x02\x03", 3);
    u32(b, GGUF_STRING);
    u64(b, 1);
    text(b, "deep");
}

static void good_all_kinds(struct buf *b) {
    head(b, 0, 12 + 5);
    scalars(b);
    arrays(b);
}

static void good_tensors(struct buf *b) {
    /* one row of 256 in every type; each size is a multiple of 32 or is padded to one */
    static const struct {
        uint32_t type, bytes;
    } types[] = {{0, 1024}, {1, 512}, {30, 512}, {8, 272},  {2, 144}, {3, 160},
                 {6, 176},  {7, 192}, {12, 144}, {13, 176}, {14, 210}};
    enum { N = sizeof types / sizeof *types };
    static const char *const names[N] = {"F32",  "F16",  "BF16", "Q8_0", "Q4_0", "Q4_1",
                                         "Q5_0", "Q5_1", "Q4_K", "Q5_K", "Q6_K"};
    uint64_t offset = 0;
    head(b, N, 1);
    key_u32(b, "general.alignment", 64);
    for (int i = 0; i < N; i++) {
        tensor(b, names[i], types[i].type, 256, 0, offset);
        offset += (types[i].bytes + 63u) & ~63u;
    }
    align(b, 64);
    for (int i = 0; i < N; i++) {
        for (uint32_t k = 0; k < types[i].bytes; k++) u8(b, (uint8_t)(k + (uint32_t)i));
        align(b, 64);
    }
}

static void good_version_2(struct buf *b) {
    head(b, 1, 1);
    b->p[4] = 2;
    key_u32(b, "a", 1);
    tensor(b, "t", DTYPE_F32, 3, 2, 0);
    data(b, 24);
    align(b, 32);
}

static void good_empty(struct buf *b) {
    head(b, 0, 0);
}

static void good_deep(struct buf *b) {
    head(b, 0, 1);
    key_array(b, "deep", GGUF_ARRAY, 1);
    for (int i = 0; i < 2; i++) {
        u32(b, GGUF_ARRAY);
        u64(b, 1);
    }
    u32(b, GGUF_I16);
    u64(b, 2);
    u32(b, 0xfffe0001);
}

static void good_rank_4(struct buf *b) {
    head(b, 1, 0);
    text(b, "t");
    u32(b, 4);
    for (int i = 0; i < 4; i++) u64(b, 2);
    u32(b, DTYPE_F16);
    u64(b, 0);
    data(b, 32);
}

const struct gguf_case gguf_good[] = {
    {"all_kinds", good_all_kinds, SIL_OK, ""}, {"tensors", good_tensors, SIL_OK, ""},
    {"version_2", good_version_2, SIL_OK, ""}, {"empty", good_empty, SIL_OK, ""},
    {"deep", good_deep, SIL_OK, ""},           {"rank_4", good_rank_4, SIL_OK, ""},
};
const size_t gguf_n_good = sizeof gguf_good / sizeof *gguf_good;

/* ---- bad heads ---- */

static void nothing(struct buf *b) {
    (void)b;
}
static void half_magic(struct buf *b) {
    raw(b, "GG", 2);
}
static void other_magic(struct buf *b) {
    raw(b, "OGgS\0\0\0\0\0\0\0\0", 12);
}
static void before_gguf(struct buf *b) {
    raw(b, "tjgg\3\0\0\0\0\0\0\0", 12);
}
static void version(struct buf *b, uint32_t v) {
    head(b, 0, 0);
    memcpy(b->p + 4, &v, 4);
}
static void version_1(struct buf *b) {
    version(b, 1);
}
static void version_4(struct buf *b) {
    version(b, 4);
}
static void version_0(struct buf *b) {
    version(b, 0);
}
static void big_endian(struct buf *b) {
    version(b, 0x03000000);
}
static void big_endian_magic(struct buf *b) {
    version(b, 0x03000000);
    memcpy(b->p, "FUGG", 4);
}
static void huge_n_kv(struct buf *b) { /* CVE-2024-23605: count times record size wrapped */
    head(b, 0, 0x0555555555555556);
    zeros(b, 64);
}
static void huge_n_tensors(struct buf *b) {
    head(b, UINT64_MAX, 0);
    zeros(b, 64);
}
static void n_kv_too_many_for_file(struct buf *b) {
    head(b, 0, 5);
    key_u32(b, "a", 1);
}

/* ---- bad keys and values ---- */

static void key_length_wrap(struct buf *b) { /* CVE-2024-21802's kin: length + 1 wrapped to 0 */
    head(b, 0, 1);
    u64(b, UINT64_MAX);
    zeros(b, 32);
}
static void key_empty(struct buf *b) {
    head(b, 0, 1);
    key_u32(b, "", 1);
    zeros(b, 8);
}
static void key_long(struct buf *b) {
    head(b, 0, 1);
    u64(b, GGUF_NAME_MAX + 1);
    for (int i = 0; i <= GGUF_NAME_MAX; i++) u8(b, 'k');
    u32(b, GGUF_U32);
    u32(b, 1);
}
static void key_control(struct buf *b) {
    head(b, 0, 1);
    key_u32(b, "a\x1b[2J", 1);
}
static void key_not_utf8(struct buf *b) {
    head(b, 0, 1);
    key_u32(b, "a\xc0\x80", 1);
}
static void key_twice(struct buf *b) {
    head(b, 0, 3);
    key_u32(b, "one", 1);
    key_u32(b, "two", 1);
    key_u32(b, "one", 2);
}
static void value_type(struct buf *b) {
    head(b, 0, 1);
    key(b, "k", 13);
    zeros(b, 16);
}
static void string_wrap(struct buf *b) {
    head(b, 0, 1);
    key(b, "k", GGUF_STRING);
    u64(b, UINT64_MAX - 7);
    zeros(b, 16);
}
static void string_over_end(struct buf *b) {
    head(b, 0, 1);
    key(b, "k", GGUF_STRING);
    u64(b, 17);
    zeros(b, 16);
}
static void bool_two(struct buf *b) {
    head(b, 0, 1);
    key(b, "k", GGUF_BOOL);
    u8(b, 2);
}
static void bool_array(struct buf *b) {
    head(b, 0, 1);
    key_array(b, "k", GGUF_BOOL, 2);
    raw(b, "\x01\x80", 2);
}
static void array_type(struct buf *b) {
    head(b, 0, 1);
    key_array(b, "k", 99, 1);
    zeros(b, 16);
}
static void array_huge(struct buf *b) {
    head(b, 0, 1);
    key_array(b, "k", GGUF_U8, 1ull << 62);
    zeros(b, 16);
}
static void array_wrap(struct buf *b) { /* count times 8 wraps to 8 */
    head(b, 0, 1);
    key_array(b, "k", GGUF_U64, (1ull << 61) + 1);
    zeros(b, 16);
}
static void array_strings_huge(struct buf *b) {
    head(b, 0, 1);
    key_array(b, "k", GGUF_STRING, 1ull << 60);
    zeros(b, 16);
}
static void array_arrays_huge(struct buf *b) {
    head(b, 0, 1);
    key_array(b, "k", GGUF_ARRAY, 1ull << 59);
    zeros(b, 16);
}
static void array_string_cut(struct buf *b) {
    head(b, 0, 1);
    key_array(b, "tokens", GGUF_STRING, 2);
    text(b, "abcdefgh");
    u64(b, 1);
}
static void array_deep(struct buf *b) {
    head(b, 0, 1);
    key_array(b, "k", GGUF_ARRAY, 1);
    for (int i = 0; i < 64; i++) {
        u32(b, GGUF_ARRAY);
        u64(b, 1);
    }
    zeros(b, 16);
}
static void array_5_deep(struct buf *b) {
    head(b, 0, 1);
    key_array(b, "k", GGUF_ARRAY, 1);
    for (int i = 0; i < 3; i++) {
        u32(b, GGUF_ARRAY);
        u64(b, 1);
    }
    u32(b, GGUF_U8);
    u64(b, 1);
    u8(b, 1);
}
static void value_cut(struct buf *b) {
    head(b, 0, 1);
    key(b, "kind", GGUF_F64);
    zeros(b, 7);
}

/* ---- bad tensors ---- */

static void rank(struct buf *b, uint32_t n) {
    head(b, 1, 0);
    text(b, "t");
    u32(b, n);
    for (int i = 0; i < 5; i++) u64(b, 1);
    u32(b, DTYPE_F32);
    u64(b, 0);
    data(b, 64);
}
static void rank_0(struct buf *b) {
    rank(b, 0);
}
static void rank_5(struct buf *b) {
    rank(b, 5);
}
static void rank_huge(struct buf *b) { /* CVE-2024-21802: rank was not checked against the array of dimensions */
    rank(b, UINT32_MAX);
}
static void one(struct buf *b, uint32_t type, uint64_t d0, uint64_t d1, uint64_t offset, size_t bytes) {
    head(b, 1, 0);
    tensor(b, "blk.0.attn_q.weight", type, d0, d1, offset);
    data(b, bytes);
}
static void dim_zero(struct buf *b) {
    one(b, DTYPE_F32, 0, 4, 0, 64);
}
static void dims_wrap(struct buf *b) { /* 2^33 * 2^31 == 2^64 */
    one(b, DTYPE_F32, 1ull << 33, 1ull << 31, 0, 64);
}
static void dims_negative(struct buf *b) {
    one(b, DTYPE_F32, UINT64_MAX, 0, 0, 64);
}
static void dim_2_63(struct buf *b) { /* whatever the type */
    one(b, 77, 1ull << 63, 0, 0, 64);
}
static void bytes_wrap(struct buf *b) { /* CVE-2025-53630: the elements fit 63 bits, their bytes wrap to 16 */
    one(b, DTYPE_F32, (1ull << 62) + 4, 0, 0, 64);
}
static void bytes_wrap_block(struct buf *b) {
    one(b, DTYPE_Q8_0, 1ull << 62, 0, 0, 64);
}
static void over_read(struct buf *b) { /* the size of a tensor beyond what the file has */
    one(b, DTYPE_F32, 1024, 1024, 0, 4096);
}
static void row_of_33(struct buf *b) {
    one(b, DTYPE_Q8_0, 33, 0, 0, 128);
}
static void row_of_128(struct buf *b) {
    one(b, DTYPE_Q4_K, 128, 2, 0, 144);
}
static void offset_odd(struct buf *b) {
    one(b, DTYPE_F32, 4, 0, 4, 64);
}
static void offset_far(struct buf *b) {
    one(b, DTYPE_F32, 4, 0, 1 << 20, 64);
}
static void offset_wrap(struct buf *b) { /* offset + bytes == 2^64 */
    one(b, DTYPE_F32, 8, 0, UINT64_MAX - 31, 64);
}
static void type_unknown(struct buf *b) {
    one(b, 77, 32, 0, 0, 64);
}
static void type_iq(struct buf *b) {
    one(b, 16, 256, 0, 0, 128);
}
static void no_data(struct buf *b) {
    head(b, 1, 0);
    tensor(b, "t", DTYPE_F32, 1, 0, 0);
}
static void data_cut(struct buf *b) {
    one(b, DTYPE_F32, 16, 0, 0, 63);
}
static void two(struct buf *b, const char *a, const char *c, uint64_t offset) {
    head(b, 2, 0);
    tensor(b, a, DTYPE_F32, 16, 0, 0);
    tensor(b, c, DTYPE_F32, 16, 0, offset);
    data(b, 192);
}
static void tensor_twice(struct buf *b) {
    two(b, "same", "same", 64);
}
static void overlap(struct buf *b) {
    two(b, "first", "second", 32);
}
static void same_place(struct buf *b) {
    two(b, "first", "second", 0);
}
static void tensor_name_empty(struct buf *b) {
    two(b, "", "x", 64);
}

/* ---- alignment ---- */

static void aligned(struct buf *b, uint32_t v) {
    head(b, 1, 1);
    key_u32(b, "general.alignment", v);
    tensor(b, "t", DTYPE_F32, 4, 0, 0);
    data(b, 64);
}
static void align_0(struct buf *b) {
    aligned(b, 0);
}
static void align_48(struct buf *b) {
    aligned(b, 48);
}
static void align_4(struct buf *b) {
    aligned(b, 4);
}
static void align_huge(struct buf *b) {
    aligned(b, 1u << 31);
}
static void align_wrap(struct buf *b) {
    aligned(b, UINT32_MAX);
}
static void align_past_end(struct buf *b) {
    aligned(b, 1 << 20);
}
static void align_string(struct buf *b) {
    head(b, 1, 1);
    key(b, "general.alignment", GGUF_STRING);
    text(b, "32");
    tensor(b, "t", DTYPE_F32, 4, 0, 0);
    data(b, 64);
}

const struct gguf_case gguf_bad[] = {
    {"nothing", nothing, SIL_FORMAT, "only 0 bytes"},
    {"half_magic", half_magic, SIL_FORMAT, "only 2 bytes"},
    {"other_magic", other_magic, SIL_FORMAT, "does not begin with GGUF"},
    {"before_gguf", before_gguf, SIL_UNSUPPORTED, "before GGUF"},
    {"version_0", version_0, SIL_UNSUPPORTED, "version 0"},
    {"version_1", version_1, SIL_UNSUPPORTED, "version 1"},
    {"version_4", version_4, SIL_UNSUPPORTED, "version 4"},
    {"big_endian", big_endian, SIL_UNSUPPORTED, "big-endian"},
    {"big_endian_magic", big_endian_magic, SIL_UNSUPPORTED, "big-endian"},
    {"huge_n_kv", huge_n_kv, SIL_FORMAT, "384307168202282326 keys"},
    {"huge_n_tensors", huge_n_tensors, SIL_FORMAT, "18446744073709551615 tensors"},
    {"n_kv_too_many_for_file", n_kv_too_many_for_file, SIL_FORMAT, "5 keys"},
    {"key_length_wrap", key_length_wrap, SIL_FORMAT, "key \"number 0\": a string of 18446744073709551615 bytes"},
    {"key_empty", key_empty, SIL_FORMAT, "key number 0 has an empty name"},
    {"key_long", key_long, SIL_LIMIT, "key number 0 has a name of 1025 bytes"},
    {"key_control", key_control, SIL_FORMAT, "key number 0 has a name that is not printable"},
    {"key_not_utf8", key_not_utf8, SIL_FORMAT, "key number 0 has a name that is not printable"},
    {"key_twice", key_twice, SIL_FORMAT, "key \"one\" is there twice"},
    {"value_type", value_type, SIL_FORMAT, "key \"k\": a value of type 13"},
    {"string_wrap", string_wrap, SIL_FORMAT, "key \"k\": a string of 18446744073709551608 bytes"},
    {"string_over_end", string_over_end, SIL_FORMAT, "key \"k\": a string of 17 bytes, but only 16"},
    {"bool_two", bool_two, SIL_FORMAT, "key \"k\": a bool is 2"},
    {"bool_array", bool_array, SIL_FORMAT, "key \"k\": a bool is 128"},
    {"array_type", array_type, SIL_FORMAT, "key \"k\": an array of type 99"},
    {"array_huge", array_huge, SIL_FORMAT, "key \"k\": an array of 4611686018427387904 elements"},
    {"array_wrap", array_wrap, SIL_FORMAT, "key \"k\": an array of 2305843009213693953 elements"},
    {"array_strings_huge", array_strings_huge, SIL_FORMAT, "key \"k\": an array of 1152921504606846976 elements"},
    {"array_arrays_huge", array_arrays_huge, SIL_FORMAT, "key \"k\": an array of 576460752303423488 elements"},
    {"array_string_cut", array_string_cut, SIL_FORMAT, "key \"tokens\": a string of 1 bytes, but only 0"},
    {"array_deep", array_deep, SIL_LIMIT, "key \"k\": arrays nested deeper than 4"},
    {"array_5_deep", array_5_deep, SIL_LIMIT, "key \"k\": arrays nested deeper than 4"},
    {"value_cut", value_cut, SIL_FORMAT, "key \"kind\": the file ends"},
    {"rank_0", rank_0, SIL_FORMAT, "tensor \"t\": 0 dimensions"},
    {"rank_5", rank_5, SIL_FORMAT, "tensor \"t\": 5 dimensions"},
    {"rank_huge", rank_huge, SIL_FORMAT, "tensor \"t\": 4294967295 dimensions"},
    {"dim_zero", dim_zero, SIL_FORMAT, "tensor \"blk.0.attn_q.weight\": dimension 0 is 0"},
    {"dims_wrap", dims_wrap, SIL_FORMAT, "tensor \"blk.0.attn_q.weight\": the product of its dimensions overflows"},
    {"dims_negative", dims_negative, SIL_FORMAT, "the product of its dimensions overflows"},
    {"dim_2_63", dim_2_63, SIL_FORMAT, "the product of its dimensions overflows"},
    {"bytes_wrap", bytes_wrap, SIL_FORMAT, "the product of its dimensions overflows"},
    {"bytes_wrap_block", bytes_wrap_block, SIL_FORMAT, "bytes at offset 0, but the file has 64"},
    {"over_read", over_read, SIL_FORMAT, "4194304 bytes at offset 0, but the file has 4096 bytes"},
    {"row_of_33", row_of_33, SIL_FORMAT, "rows of 33 elements, but Q8_0 needs multiples of 32"},
    {"row_of_128", row_of_128, SIL_FORMAT, "rows of 128 elements, but Q4_K needs multiples of 256"},
    {"offset_odd", offset_odd, SIL_FORMAT, "offset 4 is not a multiple of the alignment 32"},
    {"offset_far", offset_far, SIL_FORMAT, "16 bytes at offset 1048576, but the file has 64"},
    {"offset_wrap", offset_wrap, SIL_FORMAT, "at offset 18446744073709551584, but the file has 64"},
    {"type_unknown", type_unknown, SIL_UNSUPPORTED, "has type 77 (unknown); supported are F32"},
    {"type_iq", type_iq, SIL_UNSUPPORTED, "has type 16 (IQ2_XXS); supported are F32"},
    {"no_data", no_data, SIL_FORMAT, "ends before its tensor data"},
    {"data_cut", data_cut, SIL_FORMAT, "64 bytes at offset 0, but the file has 63"},
    {"tensor_twice", tensor_twice, SIL_FORMAT, "tensor \"same\" is there twice"},
    {"overlap", overlap, SIL_FORMAT, "tensors \"first\" and \"second\" overlap"},
    {"same_place", same_place, SIL_FORMAT, "overlap"},
    {"tensor_name_empty", tensor_name_empty, SIL_FORMAT, "tensor number 0 has an empty name"},
    {"align_0", align_0, SIL_FORMAT, "general.alignment is 0;"},
    {"align_48", align_48, SIL_FORMAT, "general.alignment is 48;"},
    {"align_4", align_4, SIL_FORMAT, "general.alignment is 4;"},
    {"align_huge", align_huge, SIL_FORMAT, "general.alignment is 2147483648;"},
    {"align_wrap", align_wrap, SIL_FORMAT, "general.alignment is 4294967295;"},
    {"align_past_end", align_past_end, SIL_FORMAT, "ends before its tensor data"},
    {"align_string", align_string, SIL_FORMAT, "key \"general.alignment\" has type string"},
};
const size_t gguf_n_bad = sizeof gguf_bad / sizeof *gguf_bad;
