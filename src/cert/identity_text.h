/* Identities as text: section 10 of docs/certificate.md.
 *
 * How a method leaves its proof in task->statement:
 *
 *     lip_identity_statement(task, parts);         before the first part
 *     lip_identity_part(task, problem, &identity); for each part, in any order, as it is proved
 *     lip_statement_clear(&task->statement);       if some part has no proof in the end
 *
 * and step->value = lip_claim(the largest bound that lip_identity_prove gave for a part).  The
 * identities are those that were proved: after lip_identity_repair, with nothing changed since. */
#ifndef LIP_CERT_IDENTITY_TEXT_H
#define LIP_CERT_IDENTITY_TEXT_H

#include "cert/identity.h"
#include "problem/task.h"

/* The line before `parts` parts; what the statement was before is dropped. */
void lip_identity_statement(lip_task *task, size_t parts);

/* One part, appended.  Terms that are 0 or empty are left out.  uses_bounds is set if the part needs
 * the pre-activation bounds.  If memory is short, or a number is not finite, the text says so
 * (failed, overflown), as all texts do. */
void lip_identity_part(lip_task *task, const lip_poly_problem *problem,
                       const lip_identity *identity);

#endif
