/* Monomials are short sorted lists of variable numbers; products merge two of them. */
#include "poly/monomial.h"

#include "base/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int lip_monomial_compare(const lip_monomial *a, const lip_monomial *b) {
    if (a->degree != b->degree) return a->degree < b->degree ? -1 : 1;
    for (size_t i = 0; i < a->degree; ++i)
        if (a->variable[i] != b->variable[i]) return a->variable[i] < b->variable[i] ? -1 : 1;
    return 0;
}

static void append(lip_monomial *m, uint32_t variable, const bool *binary) {
    if (binary && binary[variable] && m->degree > 0 && m->variable[m->degree - 1] == variable)
        return;
    assert(m->degree < LIP_MOST_DEGREE);
    m->variable[m->degree++] = variable;
}

lip_monomial lip_monomial_multiply(const lip_monomial *a, const lip_monomial *b,
                                   const bool *binary) {
    lip_monomial product = {0};
    size_t i = 0, j = 0;
    while (i < a->degree || j < b->degree) {
        bool first = j == b->degree || (i < a->degree && a->variable[i] <= b->variable[j]);
        append(&product, first ? a->variable[i++] : b->variable[j++], binary);
    }
    return product;
}

lip_monomial lip_monomial_one(void) { return (lip_monomial){0}; }

lip_monomial lip_monomial_variable(size_t variable) {
    return (lip_monomial){.degree = 1, .variable = {(uint32_t)variable}};
}

size_t lip_monomial_power(const lip_monomial *m, size_t variable) {
    size_t power = 0;
    for (size_t i = 0; i < m->degree; ++i) power += m->variable[i] == variable;
    return power;
}

lip_monomial lip_monomial_divide(const lip_monomial *m, size_t variable, size_t times) {
    lip_monomial quotient = {0};
    for (size_t i = 0; i < m->degree; ++i)
        if (m->variable[i] == variable && times > 0)
            --times;
        else
            quotient.variable[quotient.degree++] = m->variable[i];
    return quotient;
}

/* ---- Tables ------------------------------------------------------------------------------ */

/* FNV-1a over the variables. */
static size_t hash(const lip_monomial *m) {
    uint64_t h = 14695981039346656037u;
    for (size_t i = 0; i < m->degree; ++i) h = (h ^ m->variable[i]) * 1099511628211u;
    return (size_t)(h ^ (h >> 29));
}

/* The slot of m, or the free one where it belongs; slots are a power of two and never all taken. */
static size_t place(const lip_monomial_table *table, const lip_monomial *m) {
    size_t mask = table->slots - 1, at = hash(m) & mask;
    while (table->slot[at] && lip_monomial_compare(&table->item[table->slot[at] - 1], m) != 0)
        at = (at + 1) & mask;
    return at;
}

size_t lip_monomial_find(const lip_monomial_table *table, const lip_monomial *m) {
    if (table->count == 0) return LIP_NO_MONOMIAL;
    return table->slot[place(table, m)] - 1;
}

static bool widen(lip_monomial_table *table) {
    size_t slots = table->slots ? 2 * table->slots : 64;
    size_t *slot = LIP_NEW(size_t, slots);
    if (!slot) return false;
    free(table->slot);
    table->slot = slot;
    table->slots = slots;
    for (size_t i = 0; i < table->count; ++i) slot[place(table, &table->item[i])] = i + 1;
    return true;
}

bool lip_monomial_enter(lip_monomial_table *table, const lip_monomial *m, size_t *number) {
    if (2 * (table->count + 1) > table->slots && !widen(table)) return false;
    size_t at = place(table, m);
    if (!table->slot[at]) {
        if (!lip_grow((void **)&table->item, &table->room, table->count + 1, sizeof *table->item))
            return false;
        table->item[table->count++] = *m;
        table->slot[at] = table->count;
    }
    *number = table->slot[at] - 1;
    return true;
}

void lip_monomial_table_clear(lip_monomial_table *table) {
    free(table->item);
    free(table->slot);
    *table = (lip_monomial_table){0};
}
