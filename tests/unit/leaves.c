/* Random questions, nodes and multipliers for the tests of leaf proofs, and what the answers are compared with. */
#include "leaves.h"

#include "region/region.h"

/* ---- Questions --------------------------------------------------------------------------- */

static void random_region(lip_rng *rng, size_t n, lip_region **region) {
    double centre[MOST_INPUTS], lo[MOST_INPUTS], hi[MOST_INPUTS], eps = pick(rng, 2) ? 0.3 : 2;
    lip_error err;
    for (size_t i = 0; i < n; ++i) {
        centre[i] = lip_rng_gaussian(rng);
        lo[i] = centre[i] - eps * (0.1 + lip_rng_uniform(rng));
        hi[i] = centre[i] + eps * (0.1 + lip_rng_uniform(rng));
    }
    switch (pick(rng, 4)) {
    case 0: assert_int_equal(lip_region_ball(n, centre, eps, region, &err), LIP_OK); break;
    case 1: assert_int_equal(lip_region_everywhere(n, region, &err), LIP_OK); break;
    default: assert_int_equal(lip_region_box(n, lo, hi, region, &err), LIP_OK);
    }
}

/* A part that covers everything, for the norms of the question. */
static lip_leaf_part random_part(lip_rng *rng, const question *q, size_t n, size_t rows) {
    lip_leaf_part part = {.input = LIP_SET_CUBE, .output = LIP_SET_CUBE};
    if (q->p != LIP_NORM_INF && pick(rng, 3)) part.input = LIP_SET_BALL;
    if (n == 1 && pick(rng, 2)) part.input = LIP_SET_UNIT;
    if ((q->q != LIP_NORM_1 || rows == 1) && pick(rng, 3)) part.output = LIP_SET_BALL;
    if (rows == 1 && pick(rng, 2)) part.output = LIP_SET_FIXED;
    return part;
}

void leaves_create(lip_rng *rng, size_t layers, size_t widest, question *q) {
    size_t n = 1 + pick(rng, MOST_INPUTS), m = 1 + pick(rng, MOST_ROWS);
    memset(q, 0, sizeof *q);
    q->net = random_network(rng, n, layers, widest, m);
    random_region(rng, n, &q->region);
    q->p = (lip_norm)(1 + pick(rng, 3));
    q->q = (lip_norm)(1 + pick(rng, 3));
    q->output.kind = m > 1 ? (lip_output_kind)pick(rng, 3) : LIP_OUTPUT_ALL;
    q->output.i = pick(rng, m);
    q->output.j = (q->output.i + 1) % m;
    q->dense = lip_dense_create(q->net, &q->output);
    assert_non_null(q->dense);
    q->part = random_part(rng, q, n, q->dense->rows);
    q->leaf = lip_leaf_create(q->dense, q->p, q->q, &q->part);
    assert_non_null(q->leaf);
    q->linear = q->region->kind != LIP_EVERYWHERE && pick(rng, 2);
}

void leaves_clear(question *q) {
    lip_leaf_free(q->leaf);
    lip_dense_free(q->dense);
    lip_region_free(q->region);
    lip_network_free(q->net);
}

/* ---- Nodes ------------------------------------------------------------------------------- */

box_node leaves_root(const question *q) {
    size_t units = q->net->units;
    box_node node = {.region = q->region,
                     .path = calloc(units, 1),
                     .lo = calloc(units, 8),
                     .hi = calloc(units, 8)};
    assert_true(node.path && node.lo && node.hi);
    for (size_t u = 0; u < units; ++u) {
        node.lo[u] = -INFINITY;
        node.hi[u] = INFINITY;
    }
    return node;
}

void leaves_clear_node(box_node *node) {
    free(node->path);
    free(node->lo);
    free(node->hi);
}

lip_leaf_node leaves_view(const box_node *node) {
    return (lip_leaf_node){node->region, node->path, node->lo, node->hi};
}

/* Some neurons get a phase on the path. */
void leaves_random_path(lip_rng *rng, const question *q, box_node *node) {
    size_t most = pick(rng, 4);
    for (size_t k = 0; k < q->dense->relus; ++k)
        if (pick(rng, 4) < most)
            node->path[q->dense->relu[k]] = pick(rng, 2) ? LIP_ACTIVE : LIP_INACTIVE;
}

/* ---- Multipliers ------------------------------------------------------------------------- */

/* Random ones, and the more feasible the larger `strong` is: earlier layers weigh more. */
void leaves_random_multipliers(lip_rng *rng, const question *q, double strong, multipliers *m) {
    m->one = lip_rng_uniform(rng) * strong;
    for (size_t j = 0; j < MOST_INPUTS; ++j)
        m->input[j] = (0.5 + lip_rng_uniform(rng)) * pow(strong, (double)q->net->layers);
    for (size_t o = 0; o < MOST_ROWS; ++o) m->dual[o] = (0.5 + lip_rng_uniform(rng)) * strong;
    for (size_t u = 0; u < q->net->units; ++u)
        m->tangent[u] = (0.5 + lip_rng_uniform(rng)) *
                        pow(strong, (double)(q->net->layers - q->dense->layer_of[u]));
}

/* One try; the text counts if it was proved. */
bool leaves_prove_with(const question *q, const box_node *node, const multipliers *m, double scale,
                       double *bound, lip_text *text) {
    lip_leaf_node seen = leaves_view(node);
    multipliers all = *m;
    lip_text own = {0};
    all.one *= scale;
    for (size_t o = 0; o < MOST_ROWS; ++o) all.dual[o] *= scale;
    const double *dual = q->part.output == LIP_SET_FIXED ? NULL : all.dual;
    assert_true(lip_leaf_sdp(q->leaf, &seen, all.one, all.input, dual, all.tangent, bound, &own));
    if (*bound < INFINITY) {
        lip_text_clear(text);
        *text = own;
    }
    return *bound < INFINITY;
}

/* The smallest `one` or `dual` that is proved with these multipliers: at the edge of what is. */
static double edge(const question *q, const box_node *node, const multipliers *m, lip_text *text) {
    double proved = 1, refuted = 0, bound, best = INFINITY;
    for (int step = 0; step < 60; ++step) {
        double middle = step == 0 ? 1 : (proved + refuted) / 2;
        if (leaves_prove_with(q, node, m, middle, &bound, text)) {
            proved = middle;
            best = bound;
        } else {
            refuted = middle;
        }
    }
    return best;
}

/* A leaf with a bound; false if no multipliers were found. */
bool leaves_prove(lip_rng *rng, const question *q, const box_node *node, double *bound,
                  lip_text *text) {
    multipliers m = {.tangent = calloc(q->net->units, sizeof(double))};
    lip_leaf_node seen = leaves_view(node);
    *bound = INFINITY;
    for (double strong = 1; strong < 1e6 && *bound == INFINITY; strong *= 3) {
        leaves_random_multipliers(rng, q, strong, &m);
        const double *dual = q->part.output == LIP_SET_FIXED ? NULL : m.dual;
        assert_true(lip_leaf_sdp(q->leaf, &seen, m.one, m.input, dual, m.tangent, bound, NULL));
    }
    if (*bound < INFINITY) *bound = edge(q, node, &m, text);
    free(m.tangent);
    return *bound < INFINITY;
}

/* ---- All patterns ------------------------------------------------------------------------ */

/* S J for derivatives d (units), by rows. */
static void jacobian(const question *q, const double *d, double *j) {
    size_t n = q->dense->inputs, m = lip_outputs(q->net), k = q->dense->rows;
    double *g = calloc(q->net->units * k, sizeof *g);
    lip_output_block(q->net, &q->output, g + q->net->layer[q->net->layers].offset * k);
    lip_reverse(q->net, k, d, g);
    for (size_t o = 0; o < k; ++o)
        for (size_t i = 0; i < n; ++i) j[o * n + i] = g[i * k + o];
    free(g);
    (void)m;
}

/* The dual norm of x, and the point of the unit ball of `norm` where it is reached. */
static double reach(const double *x, size_t n, lip_norm norm, double *at) {
    double sum = 0, most = 0, length = 0;
    size_t best = 0;
    for (size_t i = 0; i < n; ++i) {
        sum += fabs(x[i]);
        length = hypot(length, x[i]);
        if (fabs(x[i]) > most) most = fabs(x[best = i]);
    }
    for (size_t i = 0; i < n; ++i) {
        double sign = x[i] < 0 ? -1 : 1;
        if (norm == LIP_NORM_INF) at[i] = sign;
        if (norm == LIP_NORM_2) at[i] = length > 0 ? x[i] / length : 0;
        if (norm == LIP_NORM_1) at[i] = i == best ? sign : 0;
    }
    return norm == LIP_NORM_INF ? sum : norm == LIP_NORM_2 ? length : most;
}

static void times(const double *j, size_t rows, size_t cols, const double *t, double *jt) {
    for (size_t o = 0; o < rows; ++o) {
        jt[o] = 0;
        for (size_t i = 0; i < cols; ++i) jt[o] += j[o * cols + i] * t[i];
    }
}

/* A lower bound on max w'J t over the unit balls of two norms: w from t and t from w in turn, from all vectors t
 * of numbers -1, 0 and 1, made as long as they may be. */
static double bilinear(const question *q, const double *j, lip_norm of_t, lip_norm of_w) {
    size_t n = q->dense->inputs, k = q->dense->rows, starts = (size_t)pow(3, (double)n);
    double best = 0, w[MOST_ROWS], t[MOST_INPUTS], jt[MOST_ROWS], jw[MOST_INPUTS];
    double across[MOST_INPUTS * MOST_ROWS];
    for (size_t o = 0; o < k; ++o)
        for (size_t i = 0; i < n; ++i) across[i * k + o] = j[o * n + i];
    for (size_t start = 1; start < starts; ++start) {
        size_t rest = start;
        for (size_t i = 0; i < n; ++i, rest /= 3) jw[i] = (double)(rest % 3) - 1;
        reach(jw, n, of_t, t);
        double before = -1, now = 0;
        for (int step = 0; step < 60 && now > before; ++step) {
            before = now;
            times(j, k, n, t, jt);
            reach(jt, k, of_w, w);
            times(across, n, k, w, jw);
            now = reach(jw, n, of_t, t);
            best = fmax(best, now);
        }
    }
    return best;
}

/* The norms whose unit balls are the sets of the part. */
lip_norm leaves_input_ball(const question *q) {
    return q->part.input == LIP_SET_BALL ? LIP_NORM_2 : LIP_NORM_INF;
}
lip_norm leaves_output_ball(const question *q) {
    return q->part.output == LIP_SET_BALL ? LIP_NORM_2 : LIP_NORM_INF;
}

/* The largest of all patterns that agree with what the node knows. */
double leaves_all_patterns(const question *q, const box_node *node, lip_norm of_t, lip_norm of_w) {
    size_t units = q->net->units, open = 0;
    lip_leaf_node seen = leaves_view(node);
    double *d = calloc(units, sizeof *d), j[MOST_INPUTS * MOST_ROWS], best = 0;
    for (size_t k = 0; k < q->dense->relus; ++k)
        open += lip_leaf_phase(&seen, q->dense->relu[k]) == LIP_UNSTABLE;
    assert_true(open < 20);
    for (size_t u = 0; u < units; ++u) d[u] = 1;
    for (unsigned pattern = 0; pattern < 1u << open; ++pattern) {
        unsigned rest = pattern;
        for (size_t k = 0; k < q->dense->relus; ++k) {
            size_t u = q->dense->relu[k];
            lip_phase phase = lip_leaf_phase(&seen, u);
            d[u] = phase == LIP_ACTIVE;
            if (phase != LIP_UNSTABLE) continue;
            d[u] = rest & 1;
            rest /= 2;
        }
        jacobian(q, d, j);
        best = fmax(best, bilinear(q, j, of_t, of_w));
    }
    free(d);
    return best;
}

/* ---- Points ------------------------------------------------------------------------------ */

lip_norm leaves_dual(lip_norm q) { return (lip_norm)(4 - q); }

void leaves_random_point(lip_rng *rng, const lip_region *region, double *x) {
    double length = 0, far = pow(10, lip_rng_gaussian(rng));
    for (size_t i = 0; i < region->n; ++i) {
        x[i] = far * lip_rng_gaussian(rng);
        if (region->kind == LIP_BOX) x[i] = uniform(rng, region->lo[i], region->hi[i]);
        length = hypot(length, x[i]);
    }
    for (size_t i = 0; i < region->n && region->kind == LIP_BALL; ++i)
        x[i] = region->centre[i] +
               0.999 * region->radius * fmin(1, 1.5 * lip_rng_uniform(rng)) * x[i] / length;
}

/* Is x inside the node's cell, by its path? */
bool leaves_in_cell(const question *q, const box_node *node, const double *z) {
    for (size_t k = 0; k < q->dense->relus; ++k) {
        size_t u = q->dense->relu[k];
        if (node->path[u] == LIP_ACTIVE && !(z[u] > 0)) return false;
        if (node->path[u] == LIP_INACTIVE && !(z[u] < 0)) return false;
    }
    return true;
}

double *leaves_values(const question *q, const double *x) {
    double *z = calloc(2 * q->net->units, sizeof *z), *h = z + q->net->units;
    assert_non_null(z);
    memcpy(h, x, q->dense->inputs * sizeof *x);
    lip_forward(q->net, 1, h, z);
    return z;
}

/* The norm of the Jacobian at x. */
double leaves_norm_at(const question *q, const double *z) {
    double *d = calloc(q->net->units, sizeof *d), j[MOST_INPUTS * MOST_ROWS];
    lip_pattern(q->net, z, d);
    jacobian(q, d, j);
    free(d);
    return bilinear(q, j, q->p, leaves_dual(q->q));
}

/* ---- Empty cells ------------------------------------------------------------------------- */

/* Subsets of the neurons on the path that prove the node empty: all of one to n + 2 neurons. */
bool leaves_find_empty(lip_rng *rng, const question *q, const box_node *node, lip_text *text) {
    size_t known = 0, fixed[10], unit[10];
    double multiplier[10];
    lip_leaf_node seen = leaves_view(node);
    for (size_t k = 0; k < q->dense->relus && known < 10; ++k)
        if (node->path[q->dense->relu[k]] != LIP_UNSTABLE) fixed[known++] = q->dense->relu[k];
    for (unsigned set = 1; set < 1u << known; ++set) {
        size_t count = 0;
        bool empty;
        for (size_t k = 0; k < known; ++k)
            if (set >> k & 1) {
                multiplier[count] = 0.1 + lip_rng_uniform(rng);
                unit[count++] = fixed[k];
            }
        if (count > q->dense->inputs + 4) continue;
        assert_true(lip_leaf_empty(q->leaf, &seen, count, unit, multiplier, &empty, text));
        if (empty) return true;
    }
    return false;
}
