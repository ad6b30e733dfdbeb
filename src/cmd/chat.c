#include "cmd/chat.h"

#include <histedit.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "base/utf8.h"
#include "cmd/keys.h"
#include "engine/engine.h"

enum { ANSWER_MAX = 64 << 20, HISTORY = 1000 };

/* A conversation in progress. */
struct talk {
    struct chat *c;
    struct sil_session *session;
    struct chat_log log;
    struct buf answer; /* text of the latest answer */
    bool templated;    /* messages through the template; otherwise every line is a text to continue */
    bool quit;
    char path[4096]; /* of a model chosen on the way */
};

/* ---- one answer ---- */

static void finish_line(struct talk *t) {
    fputs(t->answer.n && t->answer.p[t->answer.n - 1] == '\n' ? "" : "\n", stdout);
    if (t->c->answer->reason && strcmp(t->c->answer->reason, "context") == 0)
        fputs("(the context is full: /clear begins anew, --ctx makes it longer)\n", stderr);
    if (t->c->stats) answer_stats(t->c->answer, stderr);
}

/* Answers the token ids and prints as it goes. Nothing of the conversation is lost by an error. */
static sil_err answer_ids(struct talk *t, const uint32_t *ids, size_t n, struct sil_error *e) {
    struct answer *a = t->c->answer;
    *t->c->interrupted = 0;
    buf_clear(&t->answer);
    a->text = &t->answer;
    sil_err err = answer_run(t->c->setup, t->session, ids, n, a, e);
    *t->c->interrupted = 0;
    if (err == SIL_OK) finish_line(t);
    return err;
}

/* Answers the conversation as the log has it, and adds the answer to the log. */
static sil_err answer_log(struct talk *t, struct sil_error *e) {
    uint32_t *ids = NULL;
    size_t n = 0;
    SIL_TRY(chat_log_ids(&t->log, t->c->setup->model, &ids, &n, e));
    sil_err err = answer_ids(t, ids, n, e);
    sil_free(ids);
    return err == SIL_OK ? chat_log_add(&t->log, "assistant", buf_view(&t->answer), e) : err;
}

static sil_err say(struct talk *t, struct str line, struct sil_error *e) {
    if (!t->templated) {
        uint32_t *ids = NULL;
        size_t n = 0;
        SIL_TRY(sil_tokenize(t->c->setup->model, line.p, line.n, SIL_ADD_SPECIAL, &ids, &n, e));
        sil_err err = answer_ids(t, ids, n, e);
        sil_free(ids);
        return err;
    }
    SIL_TRY(chat_log_add(&t->log, "user", line, e));
    sil_err err = answer_log(t, e);
    if (err != SIL_OK) json_array_remove(t->log.messages, json_array_size(t->log.messages) - 1);
    return err;
}

/* ---- commands ---- */

static sil_err do_help(struct talk *t, struct str rest, struct sil_error *e) {
    (void)t, (void)rest, (void)e;
    fputs("/clear          begin a new conversation\n"
          "/system TEXT    set the system message and begin anew\n"
          "/model PATH     talk with another model file, from the beginning\n"
          "/save FILE      write the conversation to a file, as a line of JSON\n"
          "/again          another answer to the last message, with the next seed\n"
          "/stats          show or hide token counts and speed\n"
          "/quit           leave (also Ctrl-D)\n"
          "Ctrl-C stops an answer. Lines beginning with // are sent with one slash.\n",
          stdout);
    return SIL_OK;
}

static sil_err do_clear(struct talk *t, struct str rest, struct sil_error *e) {
    (void)rest;
    struct chat_log fresh;
    SIL_TRY(chat_log_open(&fresh, t->c->system, e));
    chat_log_close(&t->log);
    t->log = fresh;
    sil_session_truncate(t->session, 0);
    return SIL_OK;
}

static sil_err do_system(struct talk *t, struct str rest, struct sil_error *e) {
    if (!t->templated) return err_set(e, SIL_UNSUPPORTED, "this model has no chat template, so no system message");
    struct chat_log fresh = {0};
    SIL_TRY(chat_log_open(&fresh, NULL, e));
    sil_err err = rest.n ? chat_log_add(&fresh, "system", rest, e) : SIL_OK;
    if (err != SIL_OK) {
        chat_log_close(&fresh);
        return err;
    }
    chat_log_close(&t->log);
    t->log = fresh;
    sil_session_truncate(t->session, 0);
    return SIL_OK;
}

static sil_err do_again(struct talk *t, struct str rest, struct sil_error *e) {
    (void)rest;
    size_t n = json_array_size(t->log.messages);
    const char *role = n ? json_string_value(json_object_get(json_array_get(t->log.messages, n - 1), "role")) : NULL;
    if (!role || strcmp(role, "assistant") != 0) return err_set(e, SIL_ARG, "there is no answer yet to do again");
    t->c->answer->sampling.seed++;
    json_t *old = json_incref(json_array_get(t->log.messages, n - 1));
    json_array_remove(t->log.messages, n - 1);
    sil_err err = answer_log(t, e);
    if (err != SIL_OK && json_array_append(t->log.messages, old) != 0) err = err_nomem(e, "the conversation", 1);
    json_decref(old);
    return err;
}

static void greet(const struct talk *t);

/* The model in use is given back only when the other one is ready. */
static sil_err do_model(struct talk *t, struct str rest, struct sil_error *e) {
    struct setup *old = t->c->setup, other = *old;
    struct sil_session *session = NULL;
    struct chat_log fresh = {0};
    char path[sizeof t->path];
    if (rest.n == 0 || rest.n >= sizeof path)
        return err_set(e, SIL_ARG, "/model PATH: the GGUF file to talk with; this is %s", t->c->path);
    memcpy(path, rest.p, rest.n);
    path[rest.n] = '\0';
    other.model = NULL;
    other.engine = NULL;
    sil_err err = setup_open(&other, path, SETUP_CTX, e);
    if (err == SIL_OK && !other.model->m->tok)
        err = err_set(e, SIL_UNSUPPORTED, "%s has no tokenizer, so it cannot read text", path);
    if (err == SIL_OK) err = sil_session_open(other.engine, &session, e);
    if (err == SIL_OK) err = chat_log_open(&fresh, other.model->m->chat ? t->c->system : NULL, e);
    if (err != SIL_OK) {
        sil_session_close(session);
        setup_close(&other);
        return err;
    }
    chat_log_close(&t->log);
    sil_session_close(t->session);
    setup_close(old);
    *old = other;
    t->session = session;
    t->log = fresh;
    t->templated = old->model->m->chat && !t->c->raw;
    memcpy(t->path, path, rest.n + 1);
    t->c->path = t->path;
    greet(t);
    return SIL_OK;
}

static sil_err do_save(struct talk *t, struct str rest, struct sil_error *e) {
    char path[sizeof t->path];
    struct file_out out;
    if (!t->templated)
        return err_set(e, SIL_UNSUPPORTED, "this model has no chat template, so there is no conversation");
    if (rest.n == 0 || rest.n >= sizeof path) return err_set(e, SIL_ARG, "/save FILE: where to write the conversation");
    memcpy(path, rest.p, rest.n);
    path[rest.n] = '\0';
    json_t *root = json_pack("{s:O}", "messages", t->log.messages);
    char *text = root ? json_dumps(root, JSON_COMPACT) : NULL;
    json_decref(root);
    if (!text) return err_nomem(e, "the conversation", 1);
    sil_err err = file_create(path, &out, e);
    if (err == SIL_OK) {
        err = file_write(&out, text, strlen(text), e);
        if (err == SIL_OK) err = file_write(&out, "\n", 1, e);
        if (err == SIL_OK) err = file_commit(&out, e);
        else file_discard(&out);
    }
    if (err == SIL_OK) printf("%zu messages written to %s\n", json_array_size(t->log.messages), path);
    free(text);
    return err;
}

static sil_err do_stats(struct talk *t, struct str rest, struct sil_error *e) {
    (void)rest, (void)e;
    t->c->stats = !t->c->stats;
    return SIL_OK;
}

static sil_err do_quit(struct talk *t, struct str rest, struct sil_error *e) {
    (void)rest, (void)e;
    t->quit = true;
    return SIL_OK;
}

static const struct {
    const char *name;
    sil_err (*run)(struct talk *t, struct str rest, struct sil_error *e);
} commands[] = {
    {"/help", do_help}, {"/clear", do_clear}, {"/system", do_system}, {"/again", do_again}, {"/model", do_model},
    {"/save", do_save}, {"/stats", do_stats}, {"/quit", do_quit},     {"/exit", do_quit},
};

static sil_err command(struct talk *t, struct str line, struct sil_error *e) {
    size_t n = 0;
    while (n < line.n && line.p[n] != ' ') n++;
    struct str name = {line.p, n}, rest = {line.p + n, line.n - n};
    while (rest.n && rest.p[0] == ' ') rest.p++, rest.n--;
    for (size_t i = 0; i < sizeof commands / sizeof *commands; i++)
        if (str_eq(name, str_of(commands[i].name))) return commands[i].run(t, rest, e);
    return err_set(e, SIL_ARG, "unknown command %.*s; /help lists them, // sends a line that begins with a slash",
                   STR_ARG(name));
}

/* ---- lines ---- */

static char *prompt(EditLine *el) {
    (void)el;
    return (char *)(uintptr_t) "> "; /* the library wants char * and does not write */
}

/* Editing needs a UTF-8 locale for Korean; C.UTF-8 is there on every Debian. */
static void choose_locale(void) {
    const char *set = setlocale(LC_CTYPE, "");
    if (!set || !(strstr(set, "UTF-8") || strstr(set, "utf8"))) setlocale(LC_CTYPE, "C.UTF-8");
}

static void handle(struct talk *t, struct str line) {
    struct sil_error e = {0};
    sil_err err;
    if (line.n >= 2 && line.p[0] == '/' && line.p[1] == '/') err = say(t, (struct str){line.p + 1, line.n - 1}, &e);
    else if (line.p[0] == '/') err = command(t, line, &e);
    else err = say(t, line, &e);
    if (err != SIL_OK) fprintf(stderr, "%s\n", e.text);
}

/* Lines until the end; Ctrl-C at the prompt empties the line. */
static void read_lines(struct talk *t, EditLine *el, History *past) {
    while (!t->quit) {
        int n = 0;
        *t->c->interrupted = 0;
        const char *line = el_gets(el, &n);
        if (!line && *t->c->interrupted) { /* a line that came all the same is not thrown away */
            el_reset(el);
            fputs("^C\n", stdout);
            continue;
        }
        if (!line || n <= 0) break;
        struct str s = {line, (size_t)n};
        while (s.n && strchr(" \t\r\n", s.p[s.n - 1])) s.n--;
        if (s.n == 0) continue;
        HistEvent event;
        history(past, &event, H_ENTER, line);
        handle(t, s);
    }
}

/* The last part of a path. */
static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

static void greet(const struct talk *t) {
    struct sil_model_info info;
    sil_model_describe(t->c->setup->model, &info);
    fprintf(stderr, "%s: %s, %.4g M parameters, context %u, %s, %u threads. /help tells more.\n", base_name(t->c->path),
            info.architecture, (double)info.n_params * 1e-6, sil_engine_ctx(t->c->setup->engine), info.cpu,
            sil_engine_threads(t->c->setup->engine));
    if (t->templated) return;
    const struct model *m = t->c->setup->model->m;
    fprintf(stderr, "No chat template%s%s%s: each line is a text that the model continues.\n",
            m->chat_error.code != SIL_OK ? " that Sillok can read (" : "",
            m->chat_error.code != SIL_OK ? m->chat_error.text : "", m->chat_error.code != SIL_OK ? ")" : "");
}

static sil_err talk_in_terminal(struct talk *t, struct sil_error *e) {
    choose_locale();
    EditLine *el = el_init("sillok", stdin, stdout, stderr);
    History *past = history_init();
    struct keys keys = {.fd = STDIN_FILENO, .interrupted = t->c->interrupted};
    sil_err err = el && past && keys_attach(el, &keys) ? SIL_OK : err_nomem(e, "line editing", 1);
    if (err == SIL_OK) {
        HistEvent event;
        history(past, &event, H_SETSIZE, HISTORY);
        el_set(el, EL_PROMPT, prompt);
        el_set(el, EL_EDITOR, "emacs");
        el_set(el, EL_HIST, history, past);
        greet(t);
        read_lines(t, el, past);
    }
    if (past) history_end(past);
    if (el) el_end(el);
    return err;
}

sil_err chat_run(struct chat *c, struct sil_error *e) {
    struct talk t = {.c = c, .templated = c->setup->model->m->chat && !c->raw};
    buf_init(&t.answer, mem_libc(), ANSWER_MAX);
    sil_err err = sil_session_open(c->setup->engine, &t.session, e);
    if (err == SIL_OK) err = chat_log_open(&t.log, c->system, e);
    if (err == SIL_OK) err = talk_in_terminal(&t, e);
    chat_log_close(&t.log);
    sil_session_close(t.session);
    buf_free(&t.answer);
    return err;
}
