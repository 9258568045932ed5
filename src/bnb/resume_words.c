/* Lines and words of a checkpoint; the first failure is kept, with its line. */
#include "bnb/resume_work.h"

#include "base/error.h"
#include "net/canonical.h"

#include <stdlib.h>
#include <string.h>

bool lip_resume_fail(lip_resume *r, const char *expected) {
    char quoted[LIP_QUOTE_SIZE];
    if (r->status != LIP_OK) return false;
    r->status =
        lip_fail_line(r->err, LIP_FORMAT, r->lines.number, "expected %s, found %s", expected,
                      r->line ? lip_quote(quoted, r->line, r->length) : "the end of the file");
    return false;
}

bool lip_resume_fail_memory(lip_resume *r) {
    if (r->status == LIP_OK) r->status = lip_fail_memory(r->err);
    return false;
}

/* The next line; at the end of the file r->line is NULL. */
void lip_resume_next_line(lip_resume *r) {
    r->at = 0;
    if (lip_next_line(&r->lines, &r->line, &r->length)) return;
    r->line = NULL;
    r->length = 0;
    ++r->lines.number;
}

bool lip_resume_next_word(lip_resume *r, const char **word, size_t *length) {
    if (!r->line || r->at >= r->length) return false;
    *word = r->line + r->at;
    const char *blank = memchr(*word, ' ', r->length - r->at);
    *length = blank ? (size_t)(blank - *word) : r->length - r->at;
    r->at += *length + 1;
    return *length > 0;
}

/* Is this the first word of the line?  Then what follows it comes next. */
bool lip_resume_begins(lip_resume *r, const char *word) {
    size_t length = strlen(word);
    if (!r->line || r->length < length || memcmp(r->line, word, length) != 0) return false;
    if (r->length > length && r->line[length] != ' ') return false;
    r->at = length + 1;
    return true;
}

bool lip_resume_read_count(lip_resume *r, size_t most, size_t *value) {
    const char *word;
    size_t length;
    return lip_resume_next_word(r, &word, &length) && lip_parse_count(word, length, value) &&
           *value <= most;
}

bool lip_resume_read_real(lip_resume *r, double *x) {
    const char *word;
    size_t length;
    return lip_resume_next_word(r, &word, &length) && lip_canonical_number(word, length, x);
}

bool lip_resume_read_reals(lip_resume *r, size_t count, double *x) {
    for (size_t i = 0; i < count; ++i)
        if (!lip_resume_read_real(r, &x[i])) return false;
    return r->at > r->length;
}
