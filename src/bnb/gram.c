/* The node bound.  On a cell where some phases are known, let t be the direction, v_k the tangent behind a
 * neuron k whose phase is not known, and y_k its tangent before: substituting active neurons by v = y and
 * inactive ones by v = 0, every y and the outputs O are linear functions of (t, v).  True points satisfy
 * v_k (v_k - y_k) = 0, an equation, so its multiplier has no sign:
 *
 *     S(y, tau) = Diag(y) - O'O + sum_k tau_k (e_k f_k' + f_k e_k'),    f_k = e_k - (row of y_k),
 *     S positive semidefinite   =>   |O|^2 <= sum y |t|^2        (Diag over the groups of t only)
 *
 * For p = inf every t_j is a group of its own, else all are one.  For q = 1 the outputs keep variables w_o,
 * |w_o| <= 1, with groups of their own, S has - w'O instead of the square, and sum y bounds |O| itself.
 *
 * Where y_k = 0, as everything before neuron k is known to be inactive, v_k = 0, and tau_k could grow for ever: there would be no
 * centre.  Such multipliers are large constants.
 *
 * A child's S is its parent's on a subspace (or with one row replaced by another's), so the parent's point
 * stays strictly feasible: no phase 1.  Newton's method minimises  kappa sum y - logdet S;  kappa is chosen
 * anew in every step so that the step stays inside the region where it is good, because one that is inherited
 * stalls (DESIGN of the method: section 7 of docs/exact.md).  Close to the centre sum y - N / kappa is a lower
 * bound of what can be reached, and a node that cannot get below the target is given up early. */
#include "bnb/gram.h"

#include "base/memory.h"
#include "bnb/entries.h"

#include <cblas.h>
#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { TRIALS = 30 };
static const double theta = 9; /* squared length of Newton steps near the centre */

struct lip_gram {
    const lip_dense *dense;
    lip_leaf_part part;
    size_t nt, nw, most; /* variables t and w; most: all variables */
    size_t groups, outputs;
    bool squared;        /* sum y bounds L^2 */
    bool shortened;      /* the last step met the boundary early */
    lip_entries entries; /* in the variables t */
    size_t n, nf;        /* variables and free neurons of the node */
    size_t *free_relu,
        *place;         /* relu numbers of free neurons; by unit: variable of v, or SIZE_MAX */
    signed char *phase; /* by unit */
    double *start;      /* groups + relus: the point of lip_gram_start */
    bool *
        still; /* by v: nothing that moves is before it, so v = 0, and its multiplier may be anything large */
    double *image, *before;   /* units x most: what a unit passes on; y of relu units */
    double *out;              /* outputs x most */
    double *s0, *s, *inverse; /* most^2 */
    double *f, *wf, *ff;      /* most x most: rows f_k; W f_k; f' W f */
    double *hessian, *rhs;
    double *y, *tau, *trial; /* the point being moved: groups + most each */
    size_t newton;
    double work;
};

static lip_entries_kind entries_kind(const lip_leaf_part *part) {
    if (part->input == LIP_SET_UNIT) return LIP_ENTRIES_ONE;
    return part->input == LIP_SET_BALL ? LIP_ENTRIES_SPAN : LIP_ENTRIES_ALL;
}

double lip_gram_order(const lip_dense *dense, const lip_leaf_part *part) {
    return (double)lip_entries_count(dense, entries_kind(part)) + (double)dense->relus +
           (part->output == LIP_SET_CUBE ? (double)dense->rows : 0);
}

/* ---- Creation ---------------------------------------------------------------------------- */

static bool take_room(lip_gram *g) {
    size_t n = g->most, k = g->groups + g->dense->relus, square, hessian, images;
    if (n < g->outputs) n = g->outputs;
    if (!lip_multiply_sizes(n, n, &square) || !lip_multiply_sizes(k, k, &hessian) ||
        !lip_multiply_sizes(g->dense->units, n, &images))
        return false;
    g->free_relu = LIP_NEW(size_t, g->dense->relus);
    g->place = LIP_NEW(size_t, g->dense->units);
    g->phase = LIP_NEW(signed char, g->dense->units);
    g->start = LIP_NEW(double, k);
    g->still = LIP_NEW(bool, g->dense->relus);
    g->image = LIP_NEW(double, images);
    g->before = LIP_NEW(double, images);
    g->out = LIP_NEW(double, g->outputs *n);
    g->s0 = LIP_NEW(double, square);
    g->s = LIP_NEW(double, square);
    g->inverse = LIP_NEW(double, square);
    g->f = LIP_NEW(double, square);
    g->wf = LIP_NEW(double, square);
    g->ff = LIP_NEW(double, square);
    g->hessian = LIP_NEW(double, hessian);
    g->rhs = LIP_NEW(double, 3 * k);
    g->y = LIP_NEW(double, 2 * k);
    g->trial = LIP_NEW(double, 2 * k);
    return g->free_relu && g->place && g->phase && g->start && g->still && g->image && g->before &&
           g->out && g->s0 && g->s && g->inverse && g->f && g->wf && g->ff && g->hessian &&
           g->rhs && g->y && g->trial;
}

lip_gram *lip_gram_create(const lip_dense *dense, const lip_leaf_part *part) {
    lip_gram *g = LIP_NEW(lip_gram, 1);
    if (!g) return NULL;
    g->dense = dense;
    g->part = *part;
    g->nt = lip_entries_count(dense, entries_kind(part));
    g->outputs = part->output == LIP_SET_FIXED ? 1 : dense->rows;
    g->nw = part->output == LIP_SET_CUBE ? dense->rows : 0;
    g->squared = g->nw == 0;
    g->most = g->nt + g->nw + dense->relus;
    g->groups = (part->input == LIP_SET_CUBE ? g->nt : 1) + g->nw;
    bool ok = take_room(g);
    lip_gram_point start = {.y = g->start, .tau = ok ? g->start + g->groups : NULL};
    if (ok && lip_entries_create(dense, entries_kind(part), part->input_index, &g->entries) &&
        lip_gram_start(g, &start)) {
        g->tau = g->y + g->groups;
        return g;
    }
    lip_gram_free(g);
    return NULL;
}

void lip_gram_free(lip_gram *g) {
    if (!g) return;
    lip_entries_clear(&g->entries);
    free(g->free_relu);
    free(g->place);
    free(g->phase);
    free(g->start);
    free(g->still);
    free(g->image);
    free(g->before);
    free(g->out);
    free(g->s0);
    free(g->s);
    free(g->inverse);
    free(g->f);
    free(g->wf);
    free(g->ff);
    free(g->hessian);
    free(g->rhs);
    free(g->y);
    free(g->trial);
    free(g);
}

size_t lip_gram_groups(const lip_gram *g) { return g->groups; }
size_t lip_gram_steps(const lip_gram *g) { return g->newton; }
double lip_gram_work(const lip_gram *g) { return g->work; }

/* ---- A node ------------------------------------------------------------------------------ */

/* Row i of layer l as a function of the variables: sums of images of the sources. */
static void gather(const lip_gram *g, size_t l, size_t first_term, size_t i, double *y) {
    const lip_dense_layer *layer = &g->dense->layer[l];
    memset(y, 0, g->n * sizeof *y);
    for (size_t t = 0; t < layer->nterms; ++t) {
        const lip_dense_layer *source = &g->dense->layer[layer->term[t].source];
        if (layer->term[t].source == 0) {
            const double *row = g->entries.term[first_term + t] + i * g->nt;
            for (size_t j = 0; j < g->nt; ++j) y[j] += row[j];
            continue;
        }
        const double *row = layer->term[t].row + i * source->width;
        for (size_t j = 0; j < source->width; ++j) {
            size_t unit = source->offset + j;
            double a = row[j];
            if (a == 0 || (source->relu && g->phase[unit] == LIP_INACTIVE)) continue;
            if (g->place[unit] != SIZE_MAX) {
                y[g->place[unit]] += a;
                continue;
            }
            const double *image = g->image + unit * g->most;
            for (size_t k = 0; k < g->n; ++k) y[k] += a * image[k];
        }
    }
}

/* Does y depend on a variable that is not 0 anyway?  Neurons come in order of layers. */
static bool moves(const lip_gram *g, const double *y) {
    for (size_t i = 0; i < g->n; ++i)
        if (y[i] != 0 && !(i >= g->nt && i < g->nt + g->nf && g->still[i - g->nt])) return true;
    return false;
}

/* S without multipliers: minus the square of the outputs, or minus w'O. */
static void load_objective(lip_gram *g) {
    size_t n = g->n;
    memset(g->s0, 0, n * n * sizeof *g->s0);
    for (size_t o = 0; o < g->outputs; ++o) {
        const double *out = g->out + o * g->most;
        if (g->squared)
            for (size_t i = 0; i < n; ++i) {
                if (out[i] != 0) cblas_daxpy((int)n, -out[i], out, 1, g->s0 + i * n, 1);
            }
        else
            for (size_t i = 0, w = n - g->nw + o; i < n; ++i) {
                g->s0[w * n + i] -= out[i] / 2;
                g->s0[i * n + w] -= out[i] / 2;
            }
    }
}

void lip_gram_load(lip_gram *g, const signed char *phase) {
    const lip_dense *dense = g->dense;
    g->nf = 0;
    for (size_t u = 0; u < dense->units; ++u) g->place[u] = SIZE_MAX;
    for (size_t k = 0; k < dense->relus; ++k) {
        g->phase[dense->relu[k]] = phase[k];
        if (phase[k] != LIP_UNSTABLE) continue;
        g->place[dense->relu[k]] = g->nt + g->nf;
        g->free_relu[g->nf++] = k;
    }
    g->n = g->nt + g->nf + g->nw;
    for (size_t l = 1, terms = 0; l <= dense->layers; terms += dense->layer[l++].nterms) {
        const lip_dense_layer *layer = &dense->layer[l];
        if (l == dense->layers) {
            for (size_t o = 0; o < g->outputs; ++o)
                gather(g, l, terms, g->part.output == LIP_SET_FIXED ? g->part.output_index : o,
                       g->out + o * g->most);
            break;
        }
        for (size_t i = 0; i < layer->width; ++i) {
            size_t unit = layer->offset + i;
            if (layer->relu && g->phase[unit] == LIP_INACTIVE) continue;
            gather(g, l, terms, i, g->image + unit * g->most);
        }
    }
    for (size_t k = 0; k < g->nf; ++k) {
        double *f = g->f + k * g->n;
        const double *y = g->image + dense->relu[g->free_relu[k]] * g->most;
        for (size_t i = 0; i < g->n; ++i) f[i] = -y[i];
        g->still[k] = !moves(g, y);
        f[g->nt + k] += 1;
    }
    load_objective(g);
}

/* Layer by layer from the outputs: a multiplier tau of v (v - y) leaves tau v^2 / 2 for what later layers ask of
 * v, and asks tau |y|^2 / 2 of the sources. */
bool lip_gram_start(const lip_gram *g, lip_gram_point *point) {
    const lip_dense *dense = g->dense;
    double *asked = LIP_NEW(double, dense->layers + 1);
    if (!asked) return false;
    asked[dense->layers] = 1;
    for (size_t l = dense->layers; l > 0; --l) {
        const lip_dense_layer *layer = &dense->layer[l];
        if (asked[l] == 0) asked[l] = 0x1p-60; /* nothing reads it: S is positive all the same */
        if (layer->relu)
            for (size_t k = 0; k < dense->relus; ++k)
                if (dense->layer_of[dense->relu[k]] == l) point->tau[k] = 2 * asked[l];
        double factor = layer->relu ? 2 * asked[l] : asked[l];
        for (size_t t = 0; t < layer->nterms; ++t) {
            size_t size = layer->width * dense->layer[layer->term[t].source].width;
            double norm = cblas_dnrm2((int)size, layer->term[t].row, 1);
            asked[layer->term[t].source] += factor * (double)layer->nterms * norm * norm;
        }
    }
    for (size_t i = 0; i < g->groups; ++i) point->y[i] = 2 * asked[0] + 0x1p-1000;
    if (!g->squared) { /* w'O <= (scale w'w + O'O / scale) / 4 and so on, at a balanced scale */
        double scale = sqrt(asked[0]);
        if (!(scale > 0)) scale = 1;
        for (size_t k = 0; k < dense->relus; ++k) point->tau[k] /= scale;
        for (size_t i = 0; i < g->groups; ++i)
            point->y[i] = i < g->groups - g->nw ? point->y[i] / scale : scale;
    }
    point->bound = INFINITY;
    free(asked);
    return true;
}

/* ---- Newton's method --------------------------------------------------------------------- */

/* The group of variable i, or SIZE_MAX. */
static size_t group_of(const lip_gram *g, size_t i) {
    if (i < g->nt) return g->part.input == LIP_SET_CUBE ? i : 0;
    if (i < g->nt + g->nf) return SIZE_MAX;
    return g->groups - g->nw + (i - g->nt - g->nf);
}

/* S at a point, factorised; false unless positive definite. */
static bool factorise(lip_gram *g, const double *y, const double *tau) {
    size_t n = g->n;
    memcpy(g->s, g->s0, n * n * sizeof *g->s);
    for (size_t i = 0; i < n; ++i) {
        size_t group = group_of(g, i);
        if (group != SIZE_MAX) g->s[i * n + i] += y[group];
    }
    for (size_t k = 0; k < g->nf; ++k) {
        const double *f = g->f + k * n;
        size_t c = g->nt + k;
        for (size_t i = 0; i < n; ++i) g->s[c * n + i] += tau[k] * f[i];
        for (size_t i = 0; i < n; ++i) g->s[i * n + c] += tau[k] * f[i];
    }
    return LAPACKE_dpotrf_work(LAPACK_COL_MAJOR, 'L', (int)n, g->s, (int)n) == 0;
}

static double sum(const double *y, size_t n) {
    double total = 0;
    for (size_t i = 0; i < n; ++i) total += y[i];
    return total;
}

/* W = S^-1, W f_k and f_k' W f_l. */
static bool invert(lip_gram *g) {
    int n = (int)g->n, nf = (int)g->nf;
    memcpy(g->inverse, g->s, g->n * g->n * sizeof *g->s);
    if (LAPACKE_dpotri_work(LAPACK_COL_MAJOR, 'L', n, g->inverse, n) != 0) return false;
    for (size_t j = 0; j < g->n; ++j)
        for (size_t i = j + 1; i < g->n; ++i) g->inverse[i * g->n + j] = g->inverse[j * g->n + i];
    if (nf == 0) return true;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, nf, n, n, 1, g->f, n, g->inverse, n, 0,
                g->wf, n);
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, nf, nf, n, 1, g->wf, n, g->f, n, 0, g->ff,
                nf);
    return true;
}

/* Second derivatives of - logdet S by y and tau, and the traces that are the first. */
static void derivatives(lip_gram *g, double *gradient) {
    size_t n = g->n, nf = g->nf, order = g->groups + nf;
    double *h = g->hessian;
    memset(h, 0, order * order * sizeof *h);
    memset(gradient, 0, order * sizeof *gradient);
    for (size_t i = 0; i < n; ++i) {
        size_t a = group_of(g, i);
        if (a == SIZE_MAX) continue;
        const double *w = g->inverse + i * n;
        gradient[a] += w[i];
        for (size_t j = 0; j < n; ++j) {
            size_t b = group_of(g, j);
            if (b != SIZE_MAX) h[a * order + b] += w[j] * w[j];
        }
        for (size_t k = 0; k < nf; ++k)
            h[a * order + g->groups + k] += 2 * w[g->nt + k] * g->wf[k * n + i];
    }
    for (size_t k = 0; k < nf; ++k) {
        double *row = h + (g->groups + k) * order;
        const double *w = g->inverse + (g->nt + k) * n, *wf = g->wf + k * n;
        gradient[g->groups + k] = 2 * wf[g->nt + k];
        for (size_t a = 0; a < g->groups; ++a) row[a] = h[a * order + g->groups + k];
        for (size_t l = 0; l < nf; ++l)
            row[g->groups + l] =
                2 * (w[g->nt + l] * g->ff[k * nf + l] + wf[g->nt + l] * g->wf[l * n + g->nt + k]);
    }
    for (size_t k = 0; k < nf; ++k) { /* multipliers that stay as they are */
        size_t a = g->groups + k;
        if (!g->still[k]) continue;
        for (size_t b = 0; b < order; ++b) h[a * order + b] = h[b * order + a] = 0;
        h[a * order + a] = 1;
        gradient[a] = 0;
    }
    for (size_t a = 0; a < order; ++a) h[a * order + a] *= 1 + 1e-12;
}

/* The direction is  centre + kappa * slope;  what is known about lengths in the metric of the Hessian. */
struct directions {
    double *centre, *slope; /* groups + nf each */
    double cc, ca, aa;
};

static bool find_directions(lip_gram *g, struct directions *d) {
    size_t order = g->groups + g->nf;
    double *gradient = g->rhs + 2 * order;
    derivatives(g, gradient);
    d->centre = g->rhs;
    d->slope = g->rhs + order;
    memcpy(d->centre, gradient, order * sizeof *gradient);
    for (size_t i = 0; i < order; ++i) d->slope[i] = i < g->groups ? -1 : 0;
    if (LAPACKE_dposv_work(LAPACK_COL_MAJOR, 'L', (int)order, 2, g->hessian, (int)order, g->rhs,
                           (int)order) != 0)
        return false;
    d->cc = cblas_ddot((int)order, gradient, 1, d->centre, 1);
    d->ca = cblas_ddot((int)order, gradient, 1, d->slope, 1);
    d->aa = -sum(d->slope, g->groups);
    return d->aa > 0;
}

/* kappa for the step: as large as a step of length sqrt(theta) allows, not beyond what the target needs. */
static double choose_kappa(const lip_gram *g, const struct directions *d, double best, double rest,
                           double value, double target) {
    double length = rest < 1 ? theta : rest < 4 ? theta * 0.7 + rest : rest * 1.2;
    double root = d->ca * d->ca - d->aa * (d->cc - length);
    double kappa = root > 0 ? (-d->ca + sqrt(root)) / d->aa : best;
    double most = (double)g->n / (0.1 * fabs(value - target) + 1e-300);
    if (target > 0 && kappa > most) kappa = most > best ? most : best;
    return kappa;
}

/* Move along the direction as far as S stays positive definite; false if nowhere. */
static bool move(lip_gram *g, const struct directions *d, double kappa, double target) {
    size_t order = g->groups + g->nf;
    double step = 1, *trial = g->trial;
    int tried = 0;
    for (; tried < TRIALS; ++tried, step *= 0.6) {
        for (size_t i = 0; i < order; ++i)
            trial[i] = g->y[i] + step * (d->centre[i] + kappa * d->slope[i]);
        if (factorise(g, trial, trial + g->groups)) break;
    }
    if (tried == TRIALS) {
        factorise(g, g->y, g->y + g->groups);
        return false;
    }
    if (tried > 0 && !(sum(trial, g->groups) < target)) { /* away from the boundary that was met */
        for (size_t i = 0; i < order; ++i)
            trial[i] = g->y[i] + 0.85 * step * (d->centre[i] + kappa * d->slope[i]);
        if (!factorise(g, trial, trial + g->groups)) {
            for (size_t i = 0; i < order; ++i)
                trial[i] = g->y[i] + step * (d->centre[i] + kappa * d->slope[i]);
            factorise(g, trial, trial + g->groups);
        }
    }
    g->shortened = tried > 0;
    memcpy(g->y, trial, order * sizeof *trial);
    return true;
}

/* Feasible again after rounding, by a little more of everything that has a group. */
static bool recover(lip_gram *g) {
    for (int e = 0; e < 60; ++e) {
        for (size_t i = 0; i < g->groups; ++i) g->y[i] *= 1 + ldexp(1e-9, e < 30 ? e : 30);
        if (factorise(g, g->y, g->y + g->groups)) return true;
    }
    return false;
}

/* One Newton step; *done: no further one is wanted. */
static bool newton(lip_gram *g, double target, bool *done) {
    struct directions d;
    double value = sum(g->y, g->groups);
    *done = true;
    if (!invert(g) || !find_directions(g, &d)) return false;
    double best = -d.ca / d.aa, rest = fmax(d.cc - d.ca * d.ca / d.aa, 0);
    if (rest < 0.5 && best > 0) {
        double gap = (double)g->n / best, least = value - gap - sqrt(rest * (double)g->n) / best;
        bool hopeless = target > 0 && (least > target || gap < 1e-3 * (value - target));
        if (hopeless || gap < 1e-9 * value) return true;
    }
    double kappa = choose_kappa(g, &d, best, rest, value, target);
    if (g->shortened && rest > 1) kappa = best; /* back to the centre first */
    ++g->newton;
    g->work += 6 * (double)g->n * (double)g->n * (double)g->n;
    if (!move(g, &d, kappa, target)) return true;
    *done = sum(g->y, g->groups) < target;
    return true;
}

/* Without free neurons: y = |O_j| sum |O| for one output and p = inf, the largest eigenvalue of OO' for p = 2 and
 * single columns, and halves of |O| for w and t of a single column. */
static bool closed_form(const lip_gram *g, double *y) {
    double total = 0;
    if (g->nf > 0) return false;
    if (g->nw > 0) {
        if (g->nt > 1) return false;
        for (size_t o = 0; o < g->nw; ++o) total += y[1 + o] = fabs(g->out[o * g->most]) / 2;
        y[0] = total;
        return true;
    }
    if (g->groups > 1) {
        if (g->outputs > 1) return false;
        for (size_t j = 0; j < g->nt; ++j) total += fabs(g->out[j]);
        for (size_t j = 0; j < g->nt; ++j) y[j] = fabs(g->out[j]) * total;
        return true;
    }
    int m = (int)g->outputs, n = (int)g->nt, stride = (int)g->most;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, m, m, n, 1, g->out, stride, g->out, stride,
                0, g->ff, m);
    if (LAPACKE_dsyev(LAPACK_ROW_MAJOR, 'N', 'U', m, g->ff, m, g->wf) != 0) return false;
    y[0] = fmax(g->wf[m - 1], 0);
    return true;
}

/* The same, a little inside. */
static bool solve_known(lip_gram *g, lip_gram_point *point) {
    if (!closed_form(g, point->y)) return false;
    double value = sum(point->y, g->groups), least = value * 1e-14 / (double)g->groups;
    for (size_t i = 0; i < g->groups; ++i) point->y[i] = point->y[i] * (1 + 1e-11) + least;
    value = sum(point->y, g->groups);
    point->bound = g->squared ? sqrt(value) : value;
    return true;
}

bool lip_gram_solve(lip_gram *g, lip_gram_point *point, double target, int steps) {
    if (solve_known(g, point)) return true;
    double goal = g->squared ? target * target : target;
    bool done = false, ok = true;
    g->shortened = false;
    memcpy(g->y, point->y, g->groups * sizeof *g->y);
    for (size_t k = 0; k < g->nf; ++k) {
        size_t relu = g->free_relu[k];
        g->tau[k] = g->still[k] ? 0x1p40 * g->start[g->groups + relu] : point->tau[relu];
    }
    if (!factorise(g, g->y, g->tau) && !recover(g)) {
        point->bound = INFINITY;
        return false;
    }
    if (sum(g->y, g->groups) < goal) done = true;
    for (int i = 0; ok && !done && i < steps; ++i) ok = newton(g, goal, &done);
    memcpy(point->y, g->y, g->groups * sizeof *g->y);
    for (size_t k = 0; k < g->nf; ++k) point->tau[g->free_relu[k]] = g->tau[k];
    double value = sum(g->y, g->groups);
    point->bound = g->squared ? sqrt(fmax(value, 0)) : value;
    return true;
}

static size_t free_index(const lip_gram *g, size_t relu) {
    return g->place[g->dense->relu[relu]] - g->nt;
}

double lip_gram_on(const lip_gram *g, size_t relu) {
    size_t c = g->nt + free_index(g, relu);
    if (g->still[c - g->nt]) return 0;
    return g->inverse[c * g->n + c];
}

double lip_gram_off(const lip_gram *g, size_t relu) {
    size_t k = free_index(g, relu);
    if (g->still[k]) return 0;
    return g->ff[k * g->nf + k];
}

/* From |O|^2 <= sum y to  one + input: with one = L / 2 the others are divided by 2 L. */
void lip_gram_translate(const lip_gram *g, const lip_gram_point *point, lip_gram_proof *proof) {
    size_t inputs = g->groups - g->nw;
    double scale = g->squared && point->bound > 0 ? 1 / (2 * point->bound) : 1;
    proof->one = point->bound / 2;
    for (size_t i = 0; i < inputs; ++i) proof->input[i] = scale * point->y[i];
    if (g->nw > 0) memcpy(proof->dual, point->y + inputs, g->nw * sizeof *proof->dual);
    if (g->part.output == LIP_SET_BALL) proof->dual[0] = point->bound / 2;
    for (size_t k = 0; k < g->nf; ++k) {
        size_t relu = g->free_relu[k];
        proof->tangent[g->dense->relu[relu]] = 2 * scale * point->tau[relu];
    }
}

/* One number c times 1^2, or times |w|^2, stands for the square of the outputs divided by 4 c. */
void lip_gram_adopt(const lip_gram *g, const lip_gram_proof *proof, lip_gram_point *point) {
    size_t inputs = g->groups - g->nw;
    double c = g->part.output == LIP_SET_FIXED ? proof->one : proof->dual[0];
    double scale = g->squared ? 4 * c : 1;
    for (size_t i = 0; i < inputs; ++i) point->y[i] = scale * proof->input[i];
    if (g->nw > 0) memcpy(point->y + inputs, proof->dual, g->nw * sizeof *proof->dual);
    for (size_t k = 0; k < g->dense->relus; ++k)
        point->tau[k] = scale / 2 * proof->tangent[g->dense->relu[k]];
    double value = sum(point->y, g->groups);
    point->bound = g->squared ? sqrt(fmax(value, 0)) : value;
}
