/* The node bound of branch and bound: against all patterns, against its own matrix at random vectors, against
 * closed forms, from parent to child, and as lipcheck's rules prove it; the coordinates that the network reads. */
#include "allocation.h"
#include "support.h"

#include "bnb/entries.h"
#include "bnb/gram.h"

enum { INPUTS = 4, ROWS = 3, FREE_MOST = 9 };

/* A part of a question about all outputs. */
typedef struct situation {
    lip_network *net;
    lip_dense *dense;
    lip_leaf_part part;
    signed char *phase; /* by relu number */
    lip_gram *gram;
    lip_gram_point point;
} situation;

static lip_gram_point point_create(const situation *s) {
    size_t groups = lip_gram_groups(s->gram);
    lip_gram_point point = {.y = calloc(groups + s->dense->relus, sizeof(double)),
                            .bound = INFINITY};
    assert_non_null(point.y);
    point.tau = point.y + groups;
    return point;
}

static void copy_point(const situation *s, const lip_gram_point *from, lip_gram_point *to) {
    size_t numbers = lip_gram_groups(s->gram) + s->dense->relus;
    memcpy(to->y, from->y, numbers * sizeof *to->y);
    to->bound = from->bound;
}

static lip_leaf_part random_part(lip_rng *rng, size_t inputs, size_t rows) {
    static const lip_part_set in[] = {LIP_SET_CUBE, LIP_SET_BALL, LIP_SET_UNIT};
    static const lip_part_set out[] = {LIP_SET_CUBE, LIP_SET_BALL, LIP_SET_FIXED};
    return (lip_leaf_part){.input = in[pick(rng, 3)],
                           .input_index = pick(rng, inputs),
                           .output = out[pick(rng, 3)],
                           .output_index = pick(rng, rows)};
}

/* Some neurons stay undecided: about this share of them, and never more than can be enumerated. */
static void random_phases(lip_rng *rng, const situation *s, size_t of_four) {
    size_t open = 0;
    for (size_t k = 0; k < s->dense->relus; ++k) {
        bool known = pick(rng, 4) >= of_four || open == FREE_MOST;
        s->phase[k] =
            (signed char)(known ? pick(rng, 2) ? LIP_ACTIVE : LIP_INACTIVE : LIP_UNSTABLE);
        open += !known;
    }
}

static void create(lip_rng *rng, size_t layers, size_t widest, size_t of_four, situation *s) {
    lip_output all = {LIP_OUTPUT_ALL, 0, 0};
    size_t inputs = 1 + pick(rng, INPUTS), rows = 1 + pick(rng, ROWS);
    memset(s, 0, sizeof *s);
    s->net = random_network(rng, inputs, layers, widest, rows);
    s->dense = lip_dense_create(s->net, &all);
    assert_non_null(s->dense);
    s->part = random_part(rng, inputs, rows);
    s->phase = calloc(s->dense->relus + 1, 1);
    random_phases(rng, s, of_four);
    s->gram = lip_gram_create(s->dense, &s->part);
    assert_non_null(s->gram);
    s->point = point_create(s);
}

static void clear(situation *s) {
    free(s->point.y);
    lip_gram_free(s->gram);
    free(s->phase);
    lip_dense_free(s->dense);
    lip_network_free(s->net);
}

/* ---- What is true ------------------------------------------------------------------------ */

/* The Jacobian for derivatives d, by rows of outputs. */
static void jacobian(const situation *s, const double *d, double *j) {
    size_t n = s->dense->inputs, m = s->dense->rows;
    lip_output all = {LIP_OUTPUT_ALL, 0, 0};
    double *g = calloc(s->net->units * m, sizeof *g);
    lip_output_block(s->net, &all, g + s->net->layer[s->net->layers].offset * m);
    lip_reverse(s->net, m, d, g);
    for (size_t o = 0; o < m; ++o)
        for (size_t i = 0; i < n; ++i) j[o * n + i] = g[i * m + o];
    free(g);
}

/* The largest eigenvalue of a symmetric matrix of order at most ROWS, by Jacobi's rotations. */
static double largest_eigenvalue(double a[ROWS][ROWS], size_t m) {
    for (int sweep = 0; sweep < 40; ++sweep)
        for (size_t p = 0; p < m; ++p)
            for (size_t q = p + 1; q < m; ++q) {
                double angle = 0.5 * atan2(2 * a[p][q], a[q][q] - a[p][p]);
                double c = cos(angle), s = sin(angle);
                for (size_t k = 0; k < m; ++k) {
                    double x = a[k][p], y = a[k][q];
                    a[k][p] = c * x - s * y;
                    a[k][q] = s * x + c * y;
                }
                for (size_t k = 0; k < m; ++k) {
                    double x = a[p][k], y = a[q][k];
                    a[p][k] = c * x - s * y;
                    a[q][k] = s * x + c * y;
                }
            }
    double largest = 0;
    for (size_t k = 0; k < m; ++k) largest = fmax(largest, a[k][k]);
    return largest;
}

static double spectral(const double *j, size_t m, size_t n) {
    double a[ROWS][ROWS];
    for (size_t p = 0; p < m; ++p)
        for (size_t q = 0; q < m; ++q) {
            a[p][q] = 0;
            for (size_t i = 0; i < n; ++i) a[p][q] += j[p * n + i] * j[q * n + i];
        }
    return sqrt(largest_eigenvalue(a, m));
}

/* |J t|_q for q = 1 or 2. */
static double image_norm(const double *j, size_t m, size_t n, const double *t, bool one) {
    double sum = 0;
    for (size_t o = 0; o < m; ++o) {
        double value = 0;
        for (size_t i = 0; i < n; ++i) value += j[o * n + i] * t[i];
        sum += one ? fabs(value) : value * value;
    }
    return one ? sum : sqrt(sum);
}

/* max w'J t over the t and w of the part: over corners, by eigenvalues. */
static double part_norm(const situation *s, const double *j) {
    size_t n = s->dense->inputs, m = s->dense->rows;
    const lip_leaf_part *part = &s->part;
    double best = 0, w[ROWS], across[INPUTS * ROWS], t[INPUTS] = {0};
    if (part->output == LIP_SET_FIXED) {
        j += part->output_index * n;
        m = 1;
    }
    if (part->input == LIP_SET_UNIT) {
        t[part->input_index] = 1;
        return image_norm(j, m, n, t, part->output == LIP_SET_CUBE);
    }
    if (part->input == LIP_SET_CUBE) {
        for (unsigned corner = 0; corner < 1u << n; ++corner) {
            for (size_t i = 0; i < n; ++i) t[i] = corner >> i & 1 ? 1 : -1;
            best = fmax(best, image_norm(j, m, n, t, part->output == LIP_SET_CUBE));
        }
        return best;
    }
    if (part->output != LIP_SET_CUBE) return spectral(j, m, n);
    for (size_t o = 0; o < m; ++o)
        for (size_t i = 0; i < n; ++i) across[i * m + o] = j[o * n + i];
    for (unsigned corner = 0; corner < 1u << m; ++corner) {
        for (size_t o = 0; o < m; ++o) w[o] = corner >> o & 1 ? 1 : -1;
        best = fmax(best, image_norm(across, n, m, w, false));
    }
    return best;
}

static double all_patterns(const situation *s) {
    double *d = calloc(s->net->units, sizeof *d), j[INPUTS * ROWS], best = 0;
    size_t open = 0;
    for (size_t k = 0; k < s->dense->relus; ++k) open += s->phase[k] == LIP_UNSTABLE;
    assert_true(open <= FREE_MOST);
    for (size_t u = 0; u < s->net->units; ++u) d[u] = 1;
    for (unsigned pattern = 0; pattern < 1u << open; ++pattern) {
        unsigned rest = pattern;
        for (size_t k = 0; k < s->dense->relus; ++k) {
            d[s->dense->relu[k]] = s->phase[k] == LIP_ACTIVE;
            if (s->phase[k] != LIP_UNSTABLE) continue;
            d[s->dense->relu[k]] = rest & 1;
            rest /= 2;
        }
        jacobian(s, d, j);
        best = fmax(best, part_norm(s, j));
    }
    free(d);
    return best;
}

/* O, and v (v - y) of the undecided neurons, for a direction t; v of these is given. */
static void tangents(const situation *s, const double *t, const double *v, double *out,
                     double *product) {
    const lip_dense *dense = s->dense;
    double *h = calloc(dense->units, sizeof *h);
    memcpy(h, t, dense->inputs * sizeof *h);
    for (size_t l = 1, relu = 0; l <= dense->layers; ++l)
        for (size_t i = 0; i < dense->layer[l].width; ++i) {
            double y = 0;
            for (size_t k = 0; k < dense->layer[l].nterms; ++k) {
                const lip_dense_term *term = &dense->layer[l].term[k];
                const lip_dense_layer *from = &dense->layer[term->source];
                for (size_t c = 0; c < from->width; ++c)
                    y += term->row[i * from->width + c] * h[from->offset + c];
            }
            double *at = &h[dense->layer[l].offset + i];
            *at = y;
            if (l == dense->layers) out[i] = y;
            if (!dense->layer[l].relu) continue;
            if (s->phase[relu] == LIP_INACTIVE) *at = 0;
            if (s->phase[relu] == LIP_UNSTABLE) {
                *at = v[relu];
                product[relu] = v[relu] * (v[relu] - y);
            }
            ++relu;
        }
    free(h);
}

/* S at a random vector, and the sum of the magnitudes of what it consists of. */
static double form(lip_rng *rng, const situation *s, const lip_gram_point *point, double *size) {
    size_t n = s->dense->inputs, relus = s->dense->relus, groups = lip_gram_groups(s->gram);
    bool cube = s->part.output == LIP_SET_CUBE, by_input = s->part.input == LIP_SET_CUBE;
    double t[INPUTS] = {0}, out[ROWS], value = 0;
    double *v = calloc(2 * relus + 1, sizeof *v), *product = v + relus;
    for (size_t i = 0; i < n; ++i)
        if (s->part.input != LIP_SET_UNIT || i == s->part.input_index) t[i] = lip_rng_gaussian(rng);
    double far = pow(10, lip_rng_gaussian(rng)), w;
    for (size_t k = 0; k < relus; ++k) v[k] = far * lip_rng_gaussian(rng);
    tangents(s, t, v, out, product);
    *size = 0;
    for (size_t i = 0; i < n; ++i) *size += fabs(point->y[by_input ? i : 0]) * t[i] * t[i];
    value = *size;
    for (size_t o = 0; o < s->dense->rows; ++o) {
        if (s->part.output == LIP_SET_FIXED && o != s->part.output_index) continue;
        w = pow(10, lip_rng_gaussian(rng)) * lip_rng_gaussian(rng);
        double of_w = cube ? point->y[groups - s->dense->rows + o] * w * w : 0;
        value += cube ? of_w - w * out[o] : -out[o] * out[o];
        *size += cube ? of_w + fabs(w * out[o]) : out[o] * out[o];
    }
    for (size_t k = 0; k < relus; ++k) {
        value += 2 * point->tau[k] * product[k];
        *size += fabs(2 * point->tau[k] * product[k]);
    }
    free(v);
    return value;
}

static void check_form(lip_rng *rng, const situation *s, const lip_gram_point *point) {
    for (int trial = 0; trial < 30; ++trial) {
        double size, value = form(rng, s, point, &size);
        assert_true(value >= -1e-9 * size);
    }
}

static void check_tau(const situation *s) {
    for (size_t k = 0; k < s->dense->relus; ++k)
        if (s->phase[k] == LIP_UNSTABLE) {
            assert_true(isfinite(lip_gram_on(s->gram, k)) && lip_gram_on(s->gram, k) >= 0);
            assert_true(isfinite(lip_gram_off(s->gram, k)) && lip_gram_off(s->gram, k) >= 0);
        }
}

/* Is there an undecided neuron whose tangent y is 0, as everything before it is inactive or 0?  Its
 * multiplier is made large, whatever it was. */
static bool cut_off(const situation *s) {
    const lip_dense *dense = s->dense;
    bool *moves = calloc(dense->units, sizeof *moves), found = false;
    for (size_t i = 0; i < dense->inputs; ++i)
        moves[i] = s->part.input != LIP_SET_UNIT || i == s->part.input_index;
    for (size_t l = 1, relu = 0; l < dense->layers; ++l)
        for (size_t i = 0; i < dense->layer[l].width; ++i) {
            bool any = false;
            for (size_t k = 0; k < dense->layer[l].nterms; ++k) {
                const lip_dense_term *term = &dense->layer[l].term[k];
                const lip_dense_layer *from = &dense->layer[term->source];
                for (size_t c = 0; c < from->width; ++c)
                    any = any || (term->row[i * from->width + c] != 0 && moves[from->offset + c]);
            }
            bool relus = dense->layer[l].relu;
            found = found || (relus && s->phase[relu] == LIP_UNSTABLE && !any);
            moves[dense->layer[l].offset + i] = any && !(relus && s->phase[relu] == LIP_INACTIVE);
            relu += relus;
        }
    free(moves);
    return found;
}

/* ---- Tests ------------------------------------------------------------------------------- */

static size_t undecided(const situation *s) {
    size_t open = 0;
    for (size_t k = 0; k < s->dense->relus; ++k) open += s->phase[k] == LIP_UNSTABLE;
    return open;
}

/* The first point is feasible as it is, and S is what the header says. */
static void test_start(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 71);
    for (int c = 0; c < 300; ++c) {
        situation s;
        create(&rng, pick(&rng, 4), 5, 1 + pick(&rng, 3), &s);
        lip_gram_point before = point_create(&s);
        lip_gram_load(s.gram, s.phase);
        assert_true(lip_gram_start(s.gram, &s.point));
        assert_true(s.point.bound == INFINITY);
        check_form(&rng, &s, &s.point);
        copy_point(&s, &s.point, &before);
        if (undecided(&s) > 0) {
            assert_true(lip_gram_solve(s.gram, &s.point, 0, 0));
            size_t numbers = lip_gram_groups(s.gram) + (cut_off(&s) ? 0 : s.dense->relus);
            assert_memory_equal(before.y, s.point.y, numbers * sizeof(double));
            assert_true(s.point.bound < INFINITY && s.point.bound >= 0);
        }
        free(before.y);
        clear(&s);
    }
}

/* A bound for every pattern, most often a good one; and S is positive semidefinite there. */
static void test_patterns(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 72);
    int cases = 400, close = 0;
    for (int c = 0; c < cases; ++c) {
        situation s;
        create(&rng, pick(&rng, 4), 5, pick(&rng, 4), &s);
        lip_gram_load(s.gram, s.phase);
        assert_true(lip_gram_start(s.gram, &s.point));
        assert_true(lip_gram_solve(s.gram, &s.point, 0, 300));
        double exact = all_patterns(&s);
        assert_true(s.point.bound >= exact * (1 - 1e-9));
        close += s.point.bound <= 1.5 * exact + 1e-5;
        check_form(&rng, &s, &s.point);
        if (undecided(&s) > 0 && exact > 0) check_tau(&s);
        clear(&s);
    }
    print_message("%d of %d within a factor of 1.5\n", close, cases);
    assert_true(close > cases * 2 / 3);
}

/* Nothing undecided: the norm itself where there is a formula, and two rows or columns (the gap of the
 * semidefinite program is then 0) elsewhere. */
static void test_closed_forms(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 73);
    int formulas = 0;
    for (int c = 0; c < 300; ++c) {
        situation s;
        create(&rng, pick(&rng, 4), 6, 0, &s);
        const lip_leaf_part *p = &s.part;
        lip_gram_load(s.gram, s.phase);
        assert_true(lip_gram_start(s.gram, &s.point));
        assert_true(lip_gram_solve(s.gram, &s.point, 0, 300));
        double exact = all_patterns(&s), bound = s.point.bound;
        bool formula = p->output == LIP_SET_FIXED || p->input == LIP_SET_UNIT ||
                       (p->input == LIP_SET_BALL && p->output == LIP_SET_BALL);
        bool small = p->input == LIP_SET_CUBE && p->output == LIP_SET_BALL ? s.dense->inputs <= 2
                     : p->input == LIP_SET_BALL                            ? s.dense->rows <= 2
                                                                           : s.dense->rows == 1;
        assert_true(bound >= exact * (1 - 1e-12));
        if (formula) assert_true(bound <= exact * (1 + 1e-9));
        if (!formula && small) assert_true(bound <= exact * (1 + 1e-6) + 1e-9);
        formulas += formula;
        clear(&s);
    }
    assert_true(formulas > 100);
}

static void fix_one(lip_rng *rng, const situation *s) {
    for (size_t k = 0, at = pick(rng, undecided(s)); k < s->dense->relus; ++k)
        if (s->phase[k] == LIP_UNSTABLE && at-- == 0)
            s->phase[k] = (signed char)(pick(rng, 2) ? LIP_ACTIVE : LIP_INACTIVE);
}

/* From the root to a leaf: the point stays feasible untouched, and bounds do not grow. */
static void test_children(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 74);
    for (int c = 0; c < 150; ++c) {
        situation s;
        create(&rng, 1 + pick(&rng, 3), 5, 4, &s);
        lip_gram_point inherited = point_create(&s);
        lip_gram_load(s.gram, s.phase);
        assert_true(lip_gram_start(s.gram, &s.point));
        lip_gram_solve(s.gram, &s.point, 0, 300);
        double optimum = s.point.bound;
        assert_true(lip_gram_start(s.gram, &s.point));
        assert_true(lip_gram_solve(s.gram, &s.point, 1.01 * optimum + 1e-9, 300));
        while (undecided(&s) > 1) {
            fix_one(&rng, &s);
            lip_gram_load(s.gram, s.phase);
            copy_point(&s, &s.point, &inherited);
            assert_true(lip_gram_solve(s.gram, &inherited, 0, 0));
            size_t numbers = lip_gram_groups(s.gram) + (cut_off(&s) ? 0 : s.dense->relus);
            assert_memory_equal(inherited.y, s.point.y, numbers * sizeof(double));
            assert_true(inherited.bound <= s.point.bound * (1 + 1e-12));
            assert_true(lip_gram_solve(s.gram, &inherited, 0, 300)); /* warm and cold agree */
            lip_gram_point cold = point_create(&s);
            assert_true(lip_gram_start(s.gram, &cold));
            assert_true(lip_gram_solve(s.gram, &cold, 0, 300));
            assert_true(fabs(cold.bound - inherited.bound) <= 1e-5 * inherited.bound + 1e-6);
            assert_true(inherited.bound <= optimum * (1 + 1e-5) + 1e-6);
            optimum = inherited.bound;
            free(cold.y);
            assert_true(lip_gram_solve(s.gram, &s.point, 1.01 * optimum + 1e-9, 300));
        }
        free(inherited.y);
        clear(&s);
    }
}

/* A target that is given up is out of reach; one that is not is reached. */
static void test_targets(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 75);
    size_t early = 0, whole = 0;
    for (int c = 0; c < 150; ++c) {
        situation s;
        create(&rng, 1 + pick(&rng, 3), 5, 3, &s);
        lip_gram_load(s.gram, s.phase);
        if (undecided(&s) > 0) {
            assert_true(lip_gram_start(s.gram, &s.point));
            size_t begun = lip_gram_steps(s.gram);
            assert_true(lip_gram_solve(s.gram, &s.point, 0, 300));
            whole += lip_gram_steps(s.gram) - begun;
            double optimum = s.point.bound;
            for (int side = -1; side < 2 && optimum > 1e-3; side += 2) {
                double target = optimum * (1 + side * 0.1 * lip_rng_uniform(&rng) + side * 1e-5);
                assert_true(lip_gram_start(s.gram, &s.point));
                begun = lip_gram_steps(s.gram);
                assert_true(lip_gram_solve(s.gram, &s.point, target, 300));
                early += lip_gram_steps(s.gram) - begun;
                assert_true((s.point.bound < target) == (side > 0));
                assert_true(s.point.bound >= optimum * (1 - 1e-8));
            }
        }
        clear(&s);
    }
    print_message("%zu steps to the optimum, %zu on average to decide about a target\n", whole,
                  early / 2);
    assert_true(early / 2 < whole);
}

/* What the multipliers become is proved with all rounding, hardly larger. */
static void test_proofs(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 76);
    size_t proved = 0, cases = 200;
    for (size_t c = 0; c < cases; ++c) {
        situation s;
        lip_region *region;
        lip_error err;
        create(&rng, 1 + pick(&rng, 3), 5, pick(&rng, 4), &s);
        size_t units = s.dense->units;
        assert_int_equal(lip_region_everywhere(s.dense->inputs, &region, &err), LIP_OK);
        lip_gram_load(s.gram, s.phase);
        assert_true(lip_gram_start(s.gram, &s.point));
        assert_true(lip_gram_solve(s.gram, &s.point, 0, 300));
        double *room = calloc(3 * units + INPUTS + ROWS, sizeof *room), bound = NAN;
        signed char *path = calloc(units, 1);
        for (size_t u = 0; u < units; ++u) {
            room[u] = -INFINITY;
            room[units + u] = INFINITY;
        }
        for (size_t k = 0; k < s.dense->relus; ++k) path[s.dense->relu[k]] = s.phase[k];
        lip_leaf_node node = {region, path, room, room + units};
        lip_gram_proof proof = {0, room + 3 * units, room + 3 * units + INPUTS, room + 2 * units};
        lip_gram_translate(s.gram, &s.point, &proof);
        lip_norm in = s.part.input == LIP_SET_CUBE   ? LIP_NORM_INF
                      : s.part.input == LIP_SET_BALL ? LIP_NORM_2
                                                     : LIP_NORM_1;
        lip_norm out = s.part.output == LIP_SET_CUBE   ? LIP_NORM_1
                       : s.part.output == LIP_SET_BALL ? LIP_NORM_2
                                                       : LIP_NORM_INF;
        lip_leaf *leaf = lip_leaf_create(s.dense, in, out, &s.part);
        assert_non_null(leaf);
        assert_true(lip_leaf_sdp(leaf, &node, proof.one, proof.input,
                                 s.part.output == LIP_SET_FIXED ? NULL : proof.dual, proof.tangent,
                                 &bound, NULL));
        proved += bound <= s.point.bound * (1 + 1e-6) + 1e-9;
        double exact = all_patterns(&s);
        assert_true(bound >= exact * (1 - 1e-12));
        lip_leaf_free(leaf);
        free(room);
        free(path);
        lip_region_free(region);
        clear(&s);
    }
    print_message("%zu of %zu proved to 1e-6\n", proved, cases);
    assert_true(proved >= cases * 95 / 100);
}

/* ---- Entries ----------------------------------------------------------------------------- */

static void check_entries(const lip_dense *dense, lip_entries_kind kind, size_t column) {
    lip_entries e;
    assert_true(lip_entries_create(dense, kind, column, &e));
    assert_int_equal(e.r, lip_entries_count(dense, kind));
    assert_int_equal(e.n, dense->inputs);
    for (size_t a = 0; e.q && a < e.r; ++a)
        for (size_t b = 0; b < e.r; ++b) {
            double dot = 0;
            for (size_t i = 0; i < e.n; ++i) dot += e.q[a * e.n + i] * e.q[b * e.n + i];
            assert_true(fabs(dot - (a == b)) < 1e-13);
        }
    for (size_t l = 1, k = 0; l <= dense->layers; ++l)
        for (size_t t = 0; t < dense->layer[l].nterms; ++t, ++k) {
            const lip_dense_term *term = &dense->layer[l].term[t];
            assert_true((term->source == 0) == (e.term[k] != NULL));
            for (size_t i = 0; e.term[k] && i < dense->layer[l].width; ++i)
                for (size_t j = 0; j < e.n; ++j) {
                    const double *row = e.term[k] + i * e.r;
                    double value = e.q || kind == LIP_ENTRIES_ONE ? 0 : row[j];
                    for (size_t c = 0; e.q && c < e.r; ++c) value += row[c] * e.q[c * e.n + j];
                    if (kind == LIP_ENTRIES_ONE && j != column) continue;
                    if (kind == LIP_ENTRIES_ONE) value = row[0];
                    assert_true(fabs(value - term->row[i * e.n + j]) < 1e-12);
                }
        }
    lip_entries_clear(&e);
}

static void test_entries(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 77);
    lip_output all = {LIP_OUTPUT_ALL, 0, 0};
    size_t spans = 0;
    for (int c = 0; c < 100; ++c) {
        lip_network *net = random_network(&rng, 1 + pick(&rng, 25), pick(&rng, 4), 4, 2);
        lip_dense *dense = lip_dense_create(net, &all);
        assert_non_null(dense);
        check_entries(dense, LIP_ENTRIES_ALL, 0);
        check_entries(dense, LIP_ENTRIES_SPAN, 0);
        check_entries(dense, LIP_ENTRIES_ONE, pick(&rng, dense->inputs));
        spans += lip_entries_count(dense, LIP_ENTRIES_SPAN) < dense->inputs;
        lip_dense_free(dense);
        lip_network_free(net);
    }
    assert_true(spans > 20);
}

/* ---- Memory ------------------------------------------------------------------------------ */

static bool everything(const situation *s, const lip_gram_point *point) {
    lip_entries e = {0};
    lip_gram_point moved = *point;
    lip_gram *gram = lip_gram_create(s->dense, &s->part);
    bool ok = gram != NULL;
    if (ok) lip_gram_load(gram, s->phase);
    ok = ok && lip_gram_start(gram, &moved) && lip_gram_solve(gram, &moved, 0, 10) &&
         lip_entries_create(s->dense, LIP_ENTRIES_SPAN, 0, &e);
    lip_entries_clear(&e);
    lip_gram_free(gram);
    return ok;
}

static void test_memory(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 78);
    for (int c = 0; c < 20; ++c) {
        situation s;
        create(&rng, 2, 4, 2, &s);
        allocation_begin(0);
        assert_true(everything(&s, &s.point));
        allocation_count all = allocation_end();
        assert_int_equal(all.live, 0);
        assert_true(all.calls > 15);
        for (long fail_at = 1; fail_at <= all.calls; ++fail_at) {
            allocation_begin(fail_at);
            assert_false(everything(&s, &s.point));
            assert_int_equal(allocation_end().live, 0);
        }
        clear(&s);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_start),        cmocka_unit_test(test_patterns),
        cmocka_unit_test(test_closed_forms), cmocka_unit_test(test_children),
        cmocka_unit_test(test_targets),      cmocka_unit_test(test_proofs),
        cmocka_unit_test(test_entries),      cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
