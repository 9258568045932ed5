#include "cert/parts.h"

#include "base/memory.h"
#include "cert/certify.h"

#include <math.h>
#include <stdlib.h>

bool lip_parts_create(lip_task *task, lip_parts *parts) {
    *parts = (lip_parts){.task = task, .count = lip_lifted_parts(task->net, task->query)};
    parts->part = LIP_NEW(lip_part_proof, parts->count);
    for (size_t k = 0; parts->part && k < parts->count; ++k)
        parts->part[k].claim = parts->part[k].plain = INFINITY;
    return parts->part != NULL;
}

void lip_parts_clear(lip_parts *parts) {
    for (size_t k = 0; parts->part && k < parts->count; ++k) lip_text_clear(&parts->part[k].text);
    free(parts->part);
    *parts = (lip_parts){0};
}

double lip_parts_bound(const lip_parts *parts, size_t part) {
    return fmin(parts->part[part].claim, parts->part[part].plain);
}

double lip_parts_most(const lip_parts *parts) {
    double most = 0;
    for (size_t k = 0; k < parts->count; ++k) most = fmax(most, lip_parts_bound(parts, k));
    return most;
}

bool lip_parts_keep(lip_parts *parts, size_t part, const lip_lifted *lifted,
                    const lip_multipliers *m, double bound) {
    const lip_task *task = parts->task;
    lip_part_proof *proof = &parts->part[part], fresh = {.plain = proof->plain};
    lip_certify_question question = {task->net, &task->bounds, task->query, part};
    if (!(bound < lip_parts_bound(parts, part))) return true;
    if (!lip_certify(lifted, &question, m, &fresh.text, &fresh.claim, &fresh.uses_bounds) ||
        fresh.text.failed) {
        lip_text_clear(&fresh.text);
        return false;
    }
    if (fresh.text.overflown || !(fresh.claim < INFINITY)) {
        proof->plain = fmin(proof->plain, lip_claim(bound));
        lip_text_clear(&fresh.text);
    } else if (fresh.claim < proof->claim) {
        lip_text_clear(&proof->text);
        *proof = fresh;
    } else {
        lip_text_clear(&fresh.text);
    }
    return true;
}

static bool all_certified(const lip_parts *parts) {
    for (size_t k = 0; k < parts->count; ++k)
        if (!(parts->part[k].claim < INFINITY)) return false;
    return true;
}

bool lip_parts_write(const lip_parts *parts, double *value) {
    lip_task *task = parts->task;
    lip_text *text = &task->statement.text;
    *value = lip_parts_most(parts);
    if (!all_certified(parts)) return true;
    *value = 0;
    lip_statement_parts(text, parts->count);
    if (!lip_statement_norms(task->net, (size_t)task->settings->gram_limit, text)) return false;
    for (size_t k = 0; k < parts->count; ++k) {
        const lip_part_proof *proof = &parts->part[k];
        *value = fmax(*value, proof->claim);
        lip_text_append(text, &proof->text);
        if (proof->uses_bounds) task->statement.uses_bounds = true;
    }
    return true;
}
