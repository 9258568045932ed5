/* Empty cells: points against the network, emptiness against brute force in the plane, Farkas certificates against
 * what they claim, and the same answer from any start. */
#include "allocation.h"
#include "leaves.h"

#include "bnb/cone.h"
#include "region/region.h"

enum { PLANE_RELUS = 8, MOST_LINES = PLANE_RELUS + 4 };

/* A question with the ranges of its region in the node. */
static box_node root_with_ranges(const question *q) {
    box_node node = leaves_root(q);
    lip_preactivation bounds;
    lip_error err;
    assert_int_equal(lip_preactivation_create(q->net, q->region, q->linear, NULL, &bounds, &err),
                     LIP_OK);
    memcpy(node.lo, bounds.lo, q->net->units * sizeof(double));
    memcpy(node.hi, bounds.hi, q->net->units * sizeof(double));
    lip_preactivation_clear(&bounds);
    return node;
}

/* The pattern at a point on the path, for this share of neurons; false if the point is near a kink. */
static bool pattern_path(lip_rng *rng, const question *q, const double *x, size_t of_four,
                         box_node *node) {
    double *z = leaves_values(q, x);
    bool clear = true;
    for (size_t k = 0; k < q->dense->relus; ++k) {
        size_t u = q->dense->relu[k];
        node->path[u] = LIP_UNSTABLE;
        if (pick(rng, 4) >= of_four) continue;
        node->path[u] = z[u] > 0 ? LIP_ACTIVE : LIP_INACTIVE;
        clear = clear && fabs(z[u]) > 1e-4;
    }
    free(z);
    return clear;
}

static lip_cone_basis basis_create(const question *q) {
    size_t most = lip_cone_dimension(q->dense, q->region) + 1;
    return (lip_cone_basis){0, calloc(most, sizeof(unsigned))};
}

/* ---- Points ------------------------------------------------------------------------------ */

/* Cells that a point is in are not empty; with all neurons decided what comes out is inside. */
static void test_points(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 81);
    size_t points = 0, cells = 0;
    for (int c = 0; c < 600; ++c) {
        question q;
        double x[MOST_INPUTS];
        leaves_create(&rng, 1 + pick(&rng, 3), 5, &q);
        box_node node = root_with_ranges(&q);
        lip_cone *cone = lip_cone_create(q.dense);
        lip_cone_basis basis = basis_create(&q);
        leaves_random_point(&rng, q.region, x);
        size_t share = pick(&rng, 3) ? 4 : pick(&rng, 5);
        if (pattern_path(&rng, &q, x, share, &node)) {
            lip_leaf_node seen = leaves_view(&node);
            assert_true(lip_cone_load(cone, &seen));
            lip_cone_outcome outcome = lip_cone_solve(cone, &basis);
            assert_int_not_equal(outcome, LIP_CONE_EMPTY);
            ++cells;
            if (outcome == LIP_CONE_POINT && lip_cone_input(cone, lip_cone_point(cone), x)) {
                double *z = leaves_values(&q, x);
                assert_true(lip_region_contains(q.region, x));
                assert_true(basis.count <= lip_cone_dimension(q.dense, q.region));
                assert_true(lip_cone_holds(cone, lip_cone_point(cone)));
                if (share == 4) assert_true(leaves_in_cell(&q, &node, z));
                free(z);
                ++points;
            }
        }
        free(basis.id);
        lip_cone_free(cone);
        leaves_clear_node(&node);
        leaves_clear(&q);
    }
    print_message("%zu points of %zu cells\n", points, cells);
    assert_true(points > cells * 95 / 100 && cells > 300);
}

/* ---- The plane --------------------------------------------------------------------------- */

/* a x + b y + c > 0 */
typedef struct line {
    double a, b, c;
} line;

static double at(const line *l, const double *x) {
    return (l->a * x[0] + l->b * x[1] + l->c) / hypot(l->a, l->b);
}

/* All z as functions of x for a pattern of all neurons, made positive; how many are not constant, or MOST_LINES + 1
 * if a constant one has the wrong sign, MOST_LINES + 2 if that cannot be told. */
static size_t cell_lines(const question *q, const box_node *node, line *lines) {
    double *c = calloc(3 * q->net->units, sizeof *c);
    const lip_dense *dense = q->dense;
    size_t count = 0, verdict = 0;
    c[0] = c[4] = 1;
    for (size_t l = 1; l < dense->layers; ++l)
        for (size_t i = 0; i < dense->layer[l].width; ++i) {
            size_t u = dense->layer[l].offset + i;
            double *z = c + 3 * u;
            z[2] = dense->layer[l].bias[i];
            for (size_t t = 0; t < dense->layer[l].nterms; ++t) {
                const lip_dense_term *term = &dense->layer[l].term[t];
                const lip_dense_layer *from = &dense->layer[term->source];
                for (size_t j = 0; j < from->width; ++j) {
                    size_t v = from->offset + j;
                    if (from->relu && node->path[v] == LIP_INACTIVE) continue;
                    for (size_t k = 0; k < 3; ++k)
                        z[k] += term->row[i * from->width + j] * c[3 * v + k];
                }
            }
            if (!dense->layer[l].relu) continue;
            double sign = node->path[u] == LIP_ACTIVE ? 1 : -1, length = hypot(z[0], z[1]);
            line made = {sign * z[0], sign * z[1], sign * z[2]};
            if (length > 1e-9)
                lines[count++] = made;
            else if (fabs(z[2]) < 1e-9 || length > 0)
                verdict = MOST_LINES + 2;
            else if (made.c < 0 && verdict == 0)
                verdict = MOST_LINES + 1;
        }
    free(c);
    return verdict ? verdict : count;
}

static bool cross(const line *p, const line *q, double *x) {
    double det = p->a * q->b - p->b * q->a;
    if (fabs(det) < 1e-6 * hypot(p->a, p->b) * hypot(q->a, q->b)) return false;
    x[0] = (p->b * q->c - p->c * q->b) / det;
    x[1] = (p->c * q->a - p->a * q->c) / det;
    return true;
}

/* The largest of the smallest distances to the lines among points beside their crossings, at most `near` away. */
static double best_corner(const line *lines, size_t count, double near) {
    double best = -INFINITY;
    for (size_t i = 0; i < count; ++i)
        for (size_t j = 0; j < i; ++j) {
            double v[2];
            if (!cross(&lines[i], &lines[j], v)) continue;
            for (int side = 0; side < 4; ++side) {
                const line *p = &lines[i], *r = &lines[j];
                double s = side & 1 ? near : -near, t = side & 2 ? near : -near;
                double lp = hypot(p->a, p->b), lr = hypot(r->a, r->b), least = INFINITY;
                double x[2] = {v[0] + s * p->b / lp + t * r->b / lr,
                               v[1] - s * p->a / lp - t * r->a / lr};
                for (size_t k = 0; k < count; ++k) least = fmin(least, at(&lines[k], x));
                best = fmax(best, least);
            }
        }
    return best;
}

typedef enum truth { NONEMPTY, EMPTY, UNCLEAR } truth;

/* The corner nearest to `centre`, closed lines with some slack; INFINITY if there is none. */
static double nearest(const line *lines, size_t count, const double *centre, double slack) {
    double best = INFINITY, x[2] = {centre[0], centre[1]};
    for (size_t i = 0; i < count + 1; ++i)
        for (size_t j = 0; j < count + 1; ++j) {
            if (i == count) { /* the centre itself, and its feet on lines */
                memcpy(x, centre, sizeof x);
                if (j < count) {
                    double off = at(&lines[j], centre), length = hypot(lines[j].a, lines[j].b);
                    x[0] -= off * lines[j].a / length;
                    x[1] -= off * lines[j].b / length;
                }
            } else if (j >= i || !cross(&lines[i], &lines[j], x)) {
                continue;
            }
            bool inside = true;
            for (size_t k = 0; k < count; ++k) inside = inside && at(&lines[k], x) >= -slack;
            if (inside) best = fmin(best, hypot(x[0] - centre[0], x[1] - centre[1]));
        }
    return best;
}

/* Is the open cell empty?  Every cell that contains no whole line has a corner. */
static truth brute_force(const question *q, const box_node *node) {
    line lines[MOST_LINES];
    const lip_region *region = q->region;
    size_t count = cell_lines(q, node, lines);
    if (count >
        MOST_LINES) /* constants of the wrong sign are seen by ranges, where there are any */
        return count == MOST_LINES + 1 && region->kind == LIP_EVERYWHERE ? EMPTY : UNCLEAR;
    if (region->kind == LIP_BOX) {
        for (size_t j = 0; j < 2; ++j) {
            lines[count++] = (line){j == 0, j == 1, -region->lo[j]};
            lines[count++] = (line){-(j == 0), -(j == 1), region->hi[j]};
        }
    }
    double v[2];
    bool corner = false;
    for (size_t i = 0; i < count; ++i)
        for (size_t j = 0; j < i; ++j) corner = corner || cross(&lines[i], &lines[j], v);
    if (!corner) return UNCLEAR;
    if (region->kind == LIP_BALL) {
        double near = nearest(lines, count, region->centre, 1e-9);
        if (near > region->radius * (1 + 1e-5)) return EMPTY;
        if (near > region->radius * (1 - 1e-5)) return UNCLEAR;
    }
    /* Cells that contain a disk show a corner at one of these distances. */
    for (double near = 1e-1; near > 1e-7; near /= 4)
        if (best_corner(lines, count, near) > 1e-7) return NONEMPTY;
    return best_corner(lines, count, 1e-9) < -1e-6 ||
                   nearest(lines, count, (double[2]){0, 0}, 1e-7) == INFINITY
               ? EMPTY
               : UNCLEAR;
}

/* The rows with their multipliers add up to 0 (R^n) or to something negative throughout the box or ball. */
static void check_farkas(const question *q, const box_node *node, size_t count, const size_t *unit,
                         const double *multiplier) {
    double sum[MOST_INPUTS + 1] = {0}, size = 0;
    size_t n = q->dense->inputs;
    double *c = calloc((n + 1) * q->net->units, sizeof *c);
    assert_true(count > 0);
    for (size_t i = 0; i < n; ++i) c[i * (n + 1) + i] = 1;
    for (size_t l = 1; l < q->dense->layers; ++l) {
        const lip_dense_layer *layer = &q->dense->layer[l];
        for (size_t i = 0; i < layer->width; ++i) {
            double *z = c + (n + 1) * (layer->offset + i);
            z[n] = layer->bias[i];
            for (size_t t = 0; t < layer->nterms; ++t) {
                const lip_dense_layer *from = &q->dense->layer[layer->term[t].source];
                for (size_t j = 0; j < from->width; ++j) {
                    size_t v = from->offset + j;
                    lip_leaf_node seen = leaves_view(node);
                    if (from->relu && lip_leaf_phase(&seen, v) == LIP_INACTIVE) continue;
                    for (size_t k = 0; k <= n; ++k)
                        z[k] += layer->term[t].row[i * from->width + j] * c[(n + 1) * v + k];
                }
            }
        }
    }
    for (size_t k = 0; k < count; ++k) {
        double sign = node->path[unit[k]] == LIP_ACTIVE ? 1 : -1;
        assert_true(multiplier[k] > 0 && node->path[unit[k]] != LIP_UNSTABLE);
        if (k > 0) assert_true(unit[k] > unit[k - 1]);
        for (size_t j = 0; j <= n; ++j) {
            sum[j] += sign * multiplier[k] * c[(n + 1) * unit[k] + j];
            size += fabs(multiplier[k] * c[(n + 1) * unit[k] + j]);
        }
    }
    double most = sum[n];
    const lip_region *region = q->region;
    double length = 0;
    for (size_t j = 0; j < n; ++j) {
        if (region->kind == LIP_EVERYWHERE) assert_true(fabs(sum[j]) <= 1e-7 * size);
        if (region->kind == LIP_BOX) most += fmax(sum[j] * region->lo[j], sum[j] * region->hi[j]);
        if (region->kind == LIP_BALL) most += sum[j] * region->centre[j];
        length = hypot(length, sum[j]);
    }
    if (region->kind == LIP_BALL) most += region->radius * length;
    assert_true(most <= 1e-7 * size);
    free(c);
}

static bool in_plane(lip_rng *rng, question *q) {
    leaves_create(rng, 1 + pick(rng, 2), 5, q);
    return q->dense->inputs == 2 && q->dense->relus > 0 && q->dense->relus <= PLANE_RELUS;
}

/* All patterns of all neurons: exactly those cells are empty that brute force says so, and that is proved. */
static void test_plane(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 82);
    size_t seen_as[3] = {0}, undecided = 0, proved = 0, nets = 0;
    while (nets < 200) {
        question q;
        size_t unit[PLANE_RELUS];
        double multiplier[PLANE_RELUS];
        if (!in_plane(&rng, &q)) {
            leaves_clear(&q);
            continue;
        }
        ++nets;
        box_node node = root_with_ranges(&q);
        lip_cone *cone = lip_cone_create(q.dense);
        for (unsigned pattern = 0; pattern < 1u << q.dense->relus; ++pattern) {
            for (size_t k = 0; k < q.dense->relus; ++k)
                node.path[q.dense->relu[k]] = pattern >> k & 1 ? LIP_ACTIVE : LIP_INACTIVE;
            lip_leaf_node seen = leaves_view(&node);
            truth expected = brute_force(&q, &node);
            assert_true(lip_cone_load(cone, &seen));
            lip_cone_outcome outcome = lip_cone_solve(cone, NULL);
            ++seen_as[expected];
            undecided += expected != UNCLEAR && outcome == LIP_CONE_UNKNOWN;
            if (expected == NONEMPTY) assert_int_not_equal(outcome, LIP_CONE_EMPTY);
            if (expected == EMPTY) assert_int_not_equal(outcome, LIP_CONE_POINT);
            if (expected != EMPTY || outcome != LIP_CONE_EMPTY) continue;
            size_t count = lip_cone_farkas(cone, unit, multiplier);
            bool empty;
            check_farkas(&q, &node, count, unit, multiplier);
            assert_true(lip_leaf_empty(q.leaf, &seen, count, unit, multiplier, &empty, NULL));
            proved += empty;
        }
        lip_cone_free(cone);
        leaves_clear_node(&node);
        leaves_clear(&q);
    }
    print_message("%zu cells, %zu empty (%zu proved), %zu unclear, %zu undecided\n",
                  seen_as[NONEMPTY], seen_as[EMPTY], proved, seen_as[UNCLEAR], undecided);
    size_t clear = seen_as[NONEMPTY] + seen_as[EMPTY];
    assert_true(seen_as[NONEMPTY] > 300 && seen_as[EMPTY] > 1000 && seen_as[UNCLEAR] < clear);
    assert_true(undecided <= clear / 100 && proved >= seen_as[EMPTY] * 9 / 10);
}

/* ---- Contradictions in more dimensions --------------------------------------------------- */

/* One layer of terms + 1 neurons, the weights of which are w (zeros at first): the last z is something negative minus a
 * positive sum of the others. */
static question contradiction(lip_rng *rng, size_t n, size_t terms, double *w) {
    size_t widths[] = {n, terms + 1, 1};
    double b[7], last[7], slack = -1e-3 - lip_rng_uniform(rng), sum = 0;
    const double *weight[] = {w, last}, *bias[] = {b, NULL};
    for (size_t k = 0; k < terms; ++k) {
        double share = 0.1 + lip_rng_uniform(rng);
        for (size_t j = 0; j < n; ++j) {
            w[k * n + j] = lip_rng_gaussian(rng);
            w[terms * n + j] -= share * w[k * n + j];
        }
        b[k] = lip_rng_gaussian(rng);
        sum += share * b[k];
    }
    b[terms] = slack - sum;
    for (size_t k = 0; k <= terms; ++k) last[k] = 1;
    question q = {.p = LIP_NORM_2, .q = LIP_NORM_2, .part = {LIP_SET_BALL, 0, LIP_SET_FIXED, 0}};
    lip_error err;
    assert_int_equal(lip_network_create_dense(2, widths, weight, bias, &q.net, &err), LIP_OK);
    assert_int_equal(lip_region_everywhere(n, &q.region, &err), LIP_OK);
    q.dense = lip_dense_create(q.net, &q.output);
    q.leaf = lip_leaf_create(q.dense, q.p, q.q, &q.part);
    return q;
}

/* Patterns in which one row is the sum of others, and its sign is not. */
static void test_contradictions(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 83);
    size_t proved = 0, cases = 200;
    for (size_t c = 0; c < cases; ++c) {
        size_t n = 2 + pick(&rng, 4), terms = 1 + pick(&rng, n);
        double w[6 * 7] = {0};
        question q = contradiction(&rng, n, terms, w);
        box_node node = leaves_root(&q);
        for (size_t k = 0; k <= terms; ++k) node.path[n + k] = LIP_ACTIVE;
        lip_cone *cone = lip_cone_create(q.dense);
        lip_leaf_node seen = leaves_view(&node);
        size_t unit[7];
        double multiplier[7];
        bool empty = false;
        assert_true(lip_cone_load(cone, &seen));
        assert_int_equal(lip_cone_solve(cone, NULL), LIP_CONE_EMPTY);
        size_t count = lip_cone_farkas(cone, unit, multiplier);
        assert_int_equal(count, terms + 1);
        for (size_t j = 0; j < n; ++j) {
            double total = 0, size = 0;
            for (size_t k = 0; k < count; ++k) {
                total += multiplier[k] * w[(unit[k] - n) * n + j];
                size += fabs(multiplier[k] * w[(unit[k] - n) * n + j]);
            }
            assert_true(fabs(total) <= 1e-9 * size);
        }
        assert_true(lip_leaf_empty(q.leaf, &seen, count, unit, multiplier, &empty, NULL));
        if (terms == n) assert_true(empty);
        proved += empty;
        node.path[n + terms] = LIP_INACTIVE; /* and the other side is not empty */
        assert_true(lip_cone_load(cone, &seen));
        assert_int_equal(lip_cone_solve(cone, NULL), LIP_CONE_POINT);
        lip_cone_free(cone);
        leaves_clear_node(&node);
        leaves_clear(&q);
    }
    print_message("%zu of %zu contradictions proved\n", proved, cases);
    /* the last row is rounded, so with fewer rows than coordinates the sum is not exactly 0: no proof */
    assert_true(proved > 0);
}

/* ---- Warm starts ------------------------------------------------------------------------- */

/* A child from its parent's basis, from nothing, and twice: one answer, one point. */
static void test_resume(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 84);
    size_t points = 0, empties = 0;
    for (int c = 0; c < 500; ++c) {
        question q;
        double x[MOST_INPUTS];
        leaves_create(&rng, 1 + pick(&rng, 2), 6, &q);
        box_node node = root_with_ranges(&q);
        lip_cone *cone = lip_cone_create(q.dense);
        lip_cone_basis basis = basis_create(&q);
        size_t d = lip_cone_dimension(q.dense, q.region);
        double *first = calloc(d, sizeof *first);
        leaves_random_point(&rng, q.region, x);
        if (q.dense->relus > 0 && pattern_path(&rng, &q, x, 3, &node)) {
            lip_leaf_node seen = leaves_view(&node);
            assert_true(lip_cone_load(cone, &seen));
            lip_cone_solve(cone, &basis);
            signed char *phase = &node.path[q.dense->relu[pick(&rng, q.dense->relus)]];
            *phase = pick(&rng, 2) ? LIP_ACTIVE : LIP_INACTIVE;
            assert_true(lip_cone_load(cone, &seen));
            lip_cone_outcome warm = lip_cone_solve(cone, &basis);
            memcpy(first, lip_cone_point(cone), d * sizeof *first);
            assert_true(lip_cone_load(cone, &seen));
            lip_cone_outcome cold = lip_cone_solve(cone, NULL);
            if (warm != LIP_CONE_UNKNOWN && cold != LIP_CONE_UNKNOWN) assert_int_equal(warm, cold);
            size_t numbers = q.region->kind == LIP_EVERYWHERE ? d : d - 1;
            double size = 0, off = 0;
            for (size_t j = 0; j < numbers; ++j) {
                size = fmax(size, fabs(lip_cone_point(cone)[j]));
                off = fmax(off, fabs(first[j] - lip_cone_point(cone)[j]));
            }
            if (warm == LIP_CONE_POINT && cold == LIP_CONE_POINT)
                assert_true(off <= 1e-6 * size + 1e-9);
            points += warm == LIP_CONE_POINT && cold == LIP_CONE_POINT;
            empties += warm == LIP_CONE_EMPTY && cold == LIP_CONE_EMPTY;
        }
        free(first);
        free(basis.id);
        lip_cone_free(cone);
        leaves_clear_node(&node);
        leaves_clear(&q);
    }
    print_message("%zu points, %zu empty cells\n", points, empties);
    assert_true(points > 100 && empties > 10);
}

/* ---- Lifted cones ------------------------------------------------------------------------- */

/* Cells with undecided neurons before decided ones: those that a point is in are not empty; others that are, are proved to
 * be, and where the plain cone is empty, the lifted one is, too. */
static void test_lifted(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 86);
    size_t seen = 0, empties = 0, proved = 0, more = 0;
    for (int c = 0; c < 6000; ++c) {
        question q;
        double x[MOST_INPUTS];
        leaves_create(&rng, 2 + pick(&rng, 3), 5, &q);
        box_node node = root_with_ranges(&q);
        bool true_cell = pick(&rng, 2);
        leaves_random_point(&rng, q.region, x);
        bool clear = pattern_path(&rng, &q, x, 3, &node);
        for (size_t k = 0; k < q.dense->relus && !true_cell; ++k)
            if (pick(&rng, 3) == 0)
                node.path[q.dense->relu[k]] = pick(&rng, 2) ? LIP_ACTIVE : LIP_INACTIVE;
        lip_leaf_node view = leaves_view(&node);
        if (clear && q.region->kind == LIP_EVERYWHERE) {
            lip_cone *lifted = lip_cone_create_lifted(q.dense), *plain = lip_cone_create(q.dense);
            size_t count[3], *unit = calloc(3 * q.dense->relus + 1, sizeof *unit);
            bool empty = false, without = false;
            assert_true(lip_cone_load(lifted, &view) && lip_cone_load(plain, &view));
            bool hidden = lip_cone_is_lifted(lifted);
            lip_cone_outcome outcome = lip_cone_solve(lifted, NULL);
            without = lip_cone_solve(plain, NULL) == LIP_CONE_EMPTY;
            if (true_cell) assert_int_not_equal(outcome, LIP_CONE_EMPTY);
            if (without) assert_int_not_equal(outcome, LIP_CONE_POINT);
            if (outcome == LIP_CONE_EMPTY) {
                lip_cone_farkas_lifted(lifted, count, unit);
                assert_true(lip_leaf_hull(q.leaf, &view, count, unit, &empty, NULL));
            }
            seen += true_cell && hidden;
            empties += outcome == LIP_CONE_EMPTY;
            proved += empty;
            more += empty && !without;
            free(unit);
            lip_cone_free(lifted);
            lip_cone_free(plain);
        }
        leaves_clear_node(&node);
        leaves_clear(&q);
    }
    print_message("%zu cells with a point, %zu without (%zu proved, %zu by h alone)\n", seen,
                  empties, proved, more);
    assert_true(seen > 100 && more > 20 && proved >= empties * 8 / 10);
}

/* ---- Memory ------------------------------------------------------------------------------ */

static void test_memory(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 85);
    for (int c = 0; c < 20; ++c) {
        question q;
        leaves_create(&rng, 2, 4, &q);
        box_node node = root_with_ranges(&q);
        lip_leaf_node seen = leaves_view(&node);
        allocation_count count = {1, 0};
        bool ok = false;
        for (long fail_at = 1; !ok; ++fail_at) {
            allocation_begin(fail_at);
            lip_cone *cone = c % 2 ? lip_cone_create_lifted(q.dense) : lip_cone_create(q.dense);
            ok = cone && lip_cone_load(cone, &seen);
            lip_cone_free(cone);
            count = allocation_end();
            assert_int_equal(count.live, 0);
            assert_true(ok == (fail_at > count.calls));
        }
        assert_true(count.calls > 15);
        leaves_clear_node(&node);
        leaves_clear(&q);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_points),         cmocka_unit_test(test_plane),
        cmocka_unit_test(test_contradictions), cmocka_unit_test(test_resume),
        cmocka_unit_test(test_lifted),         cmocka_unit_test(test_memory)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
