/* Writes the corpora of fuzz_tokenizer_json and fuzz_encode.  tool_tokenizer_corpus FOLDER (fuzz/corpus) */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"

static int write_file(const char *folder, const char *name, const char *p, size_t n) {
    char path[600];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *f = fopen(path, "wb");
    if (!f) return 1;
    size_t done = fwrite(p, 1, n, f);
    return fclose(f) != 0 || done != n;
}

/* A small document: the alphabet's ASCII part or characters, and the given members. */
static int document(const char *folder, const char *name, const char *rules, const char *tokens, const char *merges) {
    struct buf b;
    buf_init(&b, mem_libc(), 1 << 16);
    sil_err err =
        buf_printf(&b, "{%s,\"model\":{\"type\":\"BPE\",\"vocab\":{%s},\"merges\":[%s]}}", rules, tokens, merges);
    int rc = err == SIL_OK ? write_file(folder, name, b.p, b.n) : 1;
    buf_free(&b);
    return rc;
}

#define BYTES                                                                                                          \
    "\"a\":0,\"b\":1,\"\\u0120\":2,\"\\u00ed\":3,\"\\u0137\":4,\"ab\":5,\"\\u0120a\":6,\"'\":7,\"s\":8,\"1\":9"
#define BYTE_MERGES "\"a b\",[\"\\u0120\",\"a\"]"
#define CHARS       "\"<unk>\":0,\"\\u2581\":1,\"a\":2,\"b\":3,\"\\u2581a\":4,\"<0xED>\":5,\"<0x95>\":6,\"<0x9C>\":7"
#define LEVEL       "{\"type\":\"ByteLevel\",\"add_prefix_space\":false,\"use_regex\":true}"
#define SPLIT(regex, how)                                                                                              \
    "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"" regex "\"},\"behavior\":\"" how "\",\"invert\":false}"
#define ADDED                                                                                                          \
    "\"added_tokens\":[{\"id\":20,\"content\":\"<s>\",\"special\":true,\"lstrip\":true,\"rstrip\":true,\"single_"      \
    "word\":"                                                                                                          \
    "true,\"normalized\":false},{\"id\":21,\"content\":\"B\",\"special\":false,\"normalized\":true}]"

static int json_corpus(const char *folder) {
    char good[500], bad[500];
    snprintf(good, sizeof(good), "%s/tokenizer_json/good", folder);
    snprintf(bad, sizeof(bad), "%s/tokenizer_json/bad", folder);
    int rc = 0;
    rc |= document(good, "bytes.json", ADDED ",\"pre_tokenizer\":" LEVEL ",\"decoder\":" LEVEL, BYTES, BYTE_MERGES);
    rc |= document(good, "sequence.json",
                   "\"normalizer\":{\"type\":\"Sequence\",\"normalizers\":[{\"type\":\"NFKC\"},{\"type\":\"Replace\","
                   "\"pattern\":{\"Regex\":\"a{2,}\"},\"content\":\"b\"},{\"type\":\"Strip\"}]},\"pre_tokenizer\":{"
                   "\"type\":\"Sequence\",\"pretokenizers\":[" SPLIT(
                       "\\\\p{L}+|\\\\s", "MergedWithNext") "," LEVEL "]},\"decoder\":" LEVEL,
                   BYTES, BYTE_MERGES);
    rc |= document(good, "chars.json",
                   ADDED
                   ",\"normalizer\":{\"type\":\"Prepend\",\"prepend\":\"\\u2581\"},\"decoder\":{\"type\":\"Sequence\","
                   "\"decoders\":[{\"type\":\"ByteFallback\"},{\"type\":\"Fuse\"}]}",
                   CHARS, "\"\\u2581 a\"");
    rc |= document(good, "metaspace.json",
                   "\"pre_tokenizer\":{\"type\":\"Metaspace\",\"prepend_scheme\":\"first\"},\"decoder\":{\"type\":"
                   "\"Metaspace\"},\"post_processor\":{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{"
                   "\"id\":\"x\"}},{\"Sequence\":{\"id\":\"A\"}}],\"special_tokens\":{\"x\":{\"ids\":[0]}}}",
                   CHARS, "[\"\\u2581\",\"a\"]");
    rc |= document(good, "not-alphabet.json", "\"pre_tokenizer\":" LEVEL ",\"decoder\":" LEVEL,
                   "\"a\":0,\"\\u0274\":1,\"\\u2581\":2", "");
    rc |= document(bad, "regex-explodes.json",
                   "\"pre_tokenizer\":{\"type\":\"Sequence\",\"pretokenizers\":[" SPLIT(
                       "(.+)+~", "Removed") "," LEVEL "]},\"decoder\":" LEVEL,
                   BYTES, BYTE_MERGES);
    rc |= document(bad, "id-huge.json", "\"decoder\":null", "\"a\":4294967295", "");
    rc |= document(bad, "id-twice.json", "\"decoder\":null", "\"a\":1,\"b\":1", "");
    rc |= document(bad, "merge-unknown.json", "\"decoder\":null", CHARS, "\"a z\"");
    rc |= document(bad, "precompiled.json", "\"normalizer\":{\"type\":\"Precompiled\"}", CHARS, "");
    rc |= document(bad, "surrogate.json", "\"decoder\":null", "\"\\ud83d\":1", "");
    rc |= document(bad, "template-id.json",
                   "\"post_processor\":{\"type\":\"BertProcessing\",\"cls\":[\"a\",99],\"sep\":[\"a\",-1]}", CHARS, "");
    char deep[300] = "";
    memset(deep, '[', 200);
    rc |= write_file(bad, "deep.json", deep, 200);
    rc |= write_file(bad, "not-an-object.json", "[1]", 3);
    return rc;
}

static int encode_corpus(const char *folder) {
    static const struct {
        const char *name, *text;
        size_t n;
        int bad;
    } cases[] = {
#define CASE(name, text, bad) {name, text, sizeof(text) - 1, bad}
        CASE("words", "\1Hello, y'all! it's 1234 a\xcc\x81", 0),
        CASE("korean", "\2\xed\x95\x9c\xea\xb8\x80 \xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab 'LL \r\n\r\n x", 0),
        CASE("jamo-nfc", "\3\xe1\x84\x92\xe1\x85\xa1\xe1\x86\xab\xcc\xa7\xcc\x81\xcc\xa7", 0),
        CASE("camel", "\4aBCdEF\xe1\x83\x90\xce\x91's \xcc\x81\x41\x42/\n", 0),
        CASE("tekken",
             "\5"
             "ABCabc123 \xcc\x81",
             0),
        CASE("digits",
             "\6"
             "12\xc2\xb2 a",
             0),
        CASE("default", "\7a+b=c 1234567", 0),
        CASE("deepseek", "\x08 \xe4\xb8\x80 a  \n", 0),
        CASE("deepseek-v3", "\x09 12345 .a !!\n", 0),
        CASE("spm",
             "\0a  a\xe2\x96\x81"
             "a<0x41><|x|>",
             0),
        CASE("special", "\x81<|x|><u><|x|", 0),
        CASE("zero", "\1a\0b", 0),
        CASE("cut", "\1a\xed\x95", 1),
        CASE("surrogate", "\2\xed\xa0\x80", 1),
        CASE("overlong", "\4\xc0\x80", 1),
        CASE("lone", "\0\x80", 1),
#undef CASE
    };
    int rc = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char path[500];
        snprintf(path, sizeof(path), "%s/encode/%s", folder, cases[i].bad ? "bad" : "good");
        rc |= write_file(path, cases[i].name, cases[i].text, cases[i].n);
    }
    return rc;
}

int main(int argc, char **argv) {
    static const char *const folders[] = {"tokenizer_json", "tokenizer_json/good", "tokenizer_json/bad",
                                          "encode",         "encode/good",         "encode/bad"};
    const char *root = argc == 2 ? argv[1] : "fuzz/corpus";
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++) {
        char path[500];
        snprintf(path, sizeof(path), "%s/%s", root, folders[i]);
        mkdir(path, 0777); /* may be there */
    }
    int rc = json_corpus(root) | encode_corpus(root);
    if (rc) perror(root);
    return rc;
}
