/* Monomials in numbered variables, and tables of them.
 *
 * Order: graded lexicographic.  A monomial of smaller degree comes first; of two of the same degree
 * the one whose ascending list of variables is smaller at the first place where they differ:
 *
 *     1 < p0 < p1 < ... < p0 p0 < p0 p1 < ... < p1 p1 < ... < p0 p0 p0 < ... */
#ifndef LIP_POLY_MONOMIAL_H
#define LIP_POLY_MONOMIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LIP_MOST_DEGREE = 8 };

typedef struct lip_monomial {
    uint32_t degree;
    uint32_t variable[LIP_MOST_DEGREE]; /* ascending, with repetitions; 0 behind the last one */
} lip_monomial;

/* < 0, 0, > 0 as a comes before, is, or comes after b. */
int lip_monomial_compare(const lip_monomial *a, const lip_monomial *b);

/* a b, with u^2 = u for the variables u for which binary[u]; binary may be NULL.  The degree of the
 * product must be at most LIP_MOST_DEGREE. */
lip_monomial lip_monomial_multiply(const lip_monomial *a, const lip_monomial *b,
                                   const bool *binary);

lip_monomial lip_monomial_one(void);
lip_monomial lip_monomial_variable(size_t variable);

/* How often a variable occurs. */
size_t lip_monomial_power(const lip_monomial *m, size_t variable);

/* m with `times` occurrences of a variable taken out; there must be as many. */
lip_monomial lip_monomial_divide(const lip_monomial *m, size_t variable, size_t times);

/* Monomials numbered in the order in which they came; look-up by hashing. */
typedef struct lip_monomial_table {
    size_t count, room, slots;
    lip_monomial *item;
    size_t *slot; /* 1 + number, 0: free */
} lip_monomial_table;

#define LIP_NO_MONOMIAL ((size_t)-1)

/* The number of m; LIP_NO_MONOMIAL if it is not there. */
size_t lip_monomial_find(const lip_monomial_table *table, const lip_monomial *m);

/* The same, entering m if it is not there.  False: out of memory. */
bool lip_monomial_enter(lip_monomial_table *table, const lip_monomial *m, size_t *number);

void lip_monomial_table_clear(lip_monomial_table *table);

#endif
