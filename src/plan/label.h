/* label: a text in the two languages of the reports. Both are there, always; they may be the same pointer. */
#ifndef SIL_PLAN_LABEL_H
#define SIL_PLAN_LABEL_H

enum plan_lang { PLAN_KO, PLAN_EN, PLAN_LANGS };

/* Views of NUL-terminated UTF-8 that somebody else owns. */
struct plan_label {
    const char *ko, *en;
};

static inline const char *plan_label_text(struct plan_label l, enum plan_lang lang) {
    return lang == PLAN_KO ? l.ko : l.en;
}

/* The same text in both languages: names from the design file, symbols. */
static inline struct plan_label plan_label_same(const char *text) {
    return (struct plan_label){text, text};
}

#endif
