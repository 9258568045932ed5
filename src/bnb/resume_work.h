/* What the files that read a checkpoint share; see resume.c. */
#ifndef LIP_BNB_RESUME_WORK_H
#define LIP_BNB_RESUME_WORK_H

#include "bnb/resume.h"
#include "read/file.h"

struct lip_resume {
    const char *path;
    unsigned char *bytes;
    lip_lines lines;
    const char *line; /* the present one */
    size_t length, at;
    lip_error *err;
    lip_status status; /* the first failure */
    lip_worker *worker;
    lip_leaf_node view; /* of the node in hand */
    char *role;         /* by unit: what a leaf says */
    double *x;          /* the witness */
    size_t used, room;
    struct pending *stack;
};

/* Record the first failure: what was expected at the present word.  Always false. */
bool lip_resume_fail(lip_resume *r, const char *expected);
bool lip_resume_fail_memory(lip_resume *r);

/* The next line; at the end of the file r->line is NULL. */
void lip_resume_next_line(lip_resume *r);

/* The next word of the line; false at its end. */
bool lip_resume_next_word(lip_resume *r, const char **word, size_t *length);

/* Is this the first word of the line?  Then what follows it comes next. */
bool lip_resume_begins(lip_resume *r, const char *word);

/* An integer from 0 to most; reals.  False if the next words are none. */
bool lip_resume_read_count(lip_resume *r, size_t most, size_t *value);
bool lip_resume_read_real(lip_resume *r, double *x);
bool lip_resume_read_reals(lip_resume *r, size_t count, double *x);

lip_branch *lip_resume_branch(const lip_resume *r);

/* The lines of a leaf (resume_leaf.c): proved again, or the node stays open. */
bool lip_resume_leaf(lip_resume *r, lip_node *node);

/* One line of a leaf `sdp`; *more is false if it is none. */
bool lip_resume_leaf_line(lip_resume *r, const lip_leaf_part *part, double *one, bool *more);

/* The node is a leaf without points, with these lines. */
bool lip_resume_close_empty(lip_resume *r, lip_node *node, lip_text *text);

#endif
