/* One node: bound it, and if that is not enough split the neuron that matters most.
 *
 * A child inherits multipliers that are feasible for it as they are, so most children need one or two Newton
 * steps.  A child is empty if the linear program says so and the proof goes through (bnb/leaf.h); where the
 * parent's interior point is in the child, there is no program to solve.  Every new interior point is evaluated
 * in the network: lower bounds for free. */
#include "bnb/branch.h"

#include "base/memory.h"
#include "bnb/influence.h"
#include "region/region.h"
#include "search/points.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROOT_STEPS = 300, FEW_STEPS = 100, NODE_STEPS = 40, STEPS_AT_ONCE = 10, MANY_PARTS = 16 };

/* Halvings of the box along an input: at most, and in the hope that a cell turns out to be empty. */
enum { MOST_CUTS = 30, FEW_CUTS = 4 };

/* Neurons that may take the place of the one that matters most, and how much they must matter (try_others). */
enum { OTHERS = 3 };
static const double others_share = 0.3;

/* ---- Workers ----------------------------------------------------------------------------- */

bool lip_worker_create(lip_branch *branch, lip_worker *w) {
    const lip_dense *dense = branch->dense;
    size_t rows = dense->rows, g;
    memset(w, 0, sizeof *w);
    w->branch = branch;
    w->gram = LIP_NEW(lip_gram *, branch->parts);
    w->leaf = LIP_NEW(lip_leaf *, branch->parts);
    w->cone = lip_cone_create(dense);
    w->lifted = lip_cone_create_lifted(dense);
    w->basis.id = LIP_NEW(unsigned, dense->inputs + dense->relus + 2);
    w->path = LIP_NEW(signed char, dense->units);
    w->phase = LIP_NEW(signed char, dense->relus);
    w->input = LIP_NEW(double, dense->inputs + 1);
    w->dual = LIP_NEW(double, rows + 1);
    w->tangent = LIP_NEW(double, dense->units);
    w->unit = lip_alloc(dense->relus, 3 * sizeof *w->unit);
    w->multiplier = LIP_NEW(double, dense->relus);
    w->h = LIP_NEW(double, dense->units);
    w->z = LIP_NEW(double, dense->units);
    w->g = lip_multiply_sizes(dense->units, rows, &g) ? LIP_NEW(double, g) : NULL;
    w->x = LIP_NEW(double, dense->inputs);
    if (w->gram && w->leaf && w->cone && w->lifted && w->basis.id && w->path && w->phase &&
        w->input && w->dual && w->tangent && w->unit && w->multiplier && w->h && w->z && w->g &&
        w->x)
        return true;
    lip_worker_clear(w);
    return false;
}

void lip_worker_clear(lip_worker *w) {
    for (size_t k = 0; w->gram && k < w->branch->parts; ++k) lip_gram_free(w->gram[k]);
    for (size_t k = 0; w->leaf && k < w->branch->parts; ++k) lip_leaf_free(w->leaf[k]);
    free(w->gram);
    free(w->leaf);
    lip_cone_free(w->cone);
    lip_cone_free(w->lifted);
    free(w->basis.id);
    free(w->path);
    free(w->phase);
    free(w->input);
    free(w->dual);
    free(w->tangent);
    free(w->unit);
    free(w->multiplier);
    free(w->h);
    free(w->z);
    free(w->g);
    free(w->x);
    memset(w, 0, sizeof *w);
}

/* The tools for a part, made when it is met.  Of many parts only the one in hand has some: hundreds of matrices are
 * dearer than making them again. */
static void drop_tools(lip_worker *w, size_t part) {
    if (w->gram[part]) w->counts.newton += lip_gram_steps(w->gram[part]);
    lip_gram_free(w->gram[part]);
    lip_leaf_free(w->leaf[part]);
    w->gram[part] = NULL;
    w->leaf[part] = NULL;
}

static bool take_tools(lip_worker *w, size_t part) {
    const lip_branch *b = w->branch;
    const lip_query *query = b->task->query;
    if (b->parts > MANY_PARTS && w->part != part) drop_tools(w, w->part);
    w->part = part;
    if (!w->gram[part]) w->gram[part] = lip_gram_create(b->dense, &b->part[part]);
    if (!w->leaf[part])
        w->leaf[part] = lip_leaf_create(b->dense, query->norm_in, query->norm_out, &b->part[part]);
    return w->gram[part] && w->leaf[part];
}

/* ---- A node in view ---------------------------------------------------------------------- */

/* Path, region and ranges; w->path and w->phase are filled. */
static lip_leaf_node look(lip_worker *w, const lip_node *node) {
    const lip_branch *b = w->branch;
    const lip_node_state *state = node->state;
    lip_leaf_node view = {.region = state->region ? state->region : b->task->query->region,
                          .path = w->path,
                          .lo = state->lo ? state->lo : b->task->bounds.lo,
                          .hi = state->lo ? state->hi : b->task->bounds.hi};
    for (size_t k = 0; k < b->dense->relus; ++k) w->path[b->dense->relu[k]] = state->path[k];
    for (size_t k = 0; k < b->dense->relus; ++k)
        w->phase[k] = (signed char)lip_leaf_phase(&view, b->dense->relu[k]);
    return view;
}

/* Keep a proof if the node has none, or a worse one; the text is the node's or freed. */
static void keep_proof(lip_node *node, double bound, lip_text *text) {
    if (!(bound < INFINITY) || (node->text.size > 0 && bound >= node->bound)) {
        lip_text_clear(text);
        return;
    }
    lip_text_clear(&node->text);
    node->text = *text;
    node->bound = bound;
}

static bool prove(lip_worker *w, lip_node *node, const lip_leaf_node *view) {
    lip_gram_proof proof = {0, w->input, w->dual, w->tangent};
    double bound = INFINITY;
    lip_text text = {0};
    bool fixed = w->branch->part[node->part].output == LIP_SET_FIXED;
    lip_gram_translate(w->gram[node->part], &node->state->multipliers, &proof);
    bool ok = lip_leaf_sdp(w->leaf[node->part], view, proof.one, proof.input,
                           fixed ? NULL : proof.dual, proof.tangent, &bound, &text);
    ok = ok && !text.failed;
    keep_proof(node, ok ? bound : INFINITY, &text);
    return ok;
}

/* The interval Jacobian: cheap, and for known phases exact in norms for which the relaxation is not. */
static bool bound_by_interval(lip_worker *w, lip_node *node, const lip_leaf_node *view) {
    double bound = INFINITY;
    lip_text text = {0};
    bool ok = lip_leaf_interval(w->leaf[node->part], view, &bound, &text) && !text.failed;
    keep_proof(node, ok ? bound : INFINITY, &text);
    return ok;
}

bool lip_worker_prove(lip_worker *w, lip_node *node) {
    if (!take_tools(w, node->part)) return false;
    lip_leaf_node view = look(w, node);
    lip_gram *gram = w->gram[node->part];
    double before = node->bound;
    if (node->state->multipliers.bound < INFINITY) {
        lip_gram_load(gram, w->phase);
        /* Feasible again, if it is not, and a little away from the boundary. */
        lip_gram_solve(gram, &node->state->multipliers, 0, 2);
        if (!prove(w, node, &view)) return false;
    }
    if (node->text.size > 0 && node->bound <= before) return true;
    return bound_by_interval(w, node, &view);
}

bool lip_worker_view(lip_worker *w, const lip_node *node, lip_leaf_node *view) {
    if (!take_tools(w, node->part)) return false;
    *view = look(w, node);
    return true;
}

/* ---- Points ------------------------------------------------------------------------------ */

/* The gradient norm at x; if it beats the lower bound, prove it. */
static bool offer(lip_worker *w) {
    lip_branch *b = w->branch;
    lip_task *task = b->task;
    const lip_network *net = task->net;
    double norm = 0;
    memcpy(w->h, w->x, b->dense->inputs * sizeof *w->h);
    lip_forward(net, 1, w->h, w->z);
    lip_jacobians(net, &task->query->output, 1, w->z, w->g);
    if (!lip_jacobian_norms(net, task->query, 1, w->g, &norm)) return false;
    pthread_mutex_lock(&b->lock);
    bool ok = true;
    if (norm > task->result->lower * (1 + 1e-12))
        ok = lip_witness_offer(&b->witness, task, w->x, &b->rng, b->step, NULL) == LIP_OK;
    double least = task->result->lower * (1 + b->tolerance / 2);
    if (b->target < least) b->target = least;
    pthread_mutex_unlock(&b->lock);
    return ok;
}

/* ---- Children ---------------------------------------------------------------------------- */

static bool set_text(lip_node *node, const char *line) {
    lip_text_clear(&node->text);
    lip_text_word(&node->text, line);
    return !node->text.failed;
}

static void close_empty(lip_node *node) {
    node->kind = LIP_NODE_EMPTY;
    node->bound = 0;
    lip_node_clear_state(node);
}

/* Ranges of the child; *empty if there is a neuron without any. */
static bool tighten(lip_worker *w, lip_node *node, const lip_node *parent, size_t from,
                    bool *empty) {
    lip_branch *b = w->branch;
    lip_node_state *state = node->state;
    size_t units = b->dense->units;
    if (!state->lo) {
        const lip_preactivation *root = &b->task->bounds;
        state->lo = LIP_NEW(double, 2 * units);
        if (!state->lo) return false;
        state->hi = state->lo + units;
        memcpy(state->lo, parent->state->lo ? parent->state->lo : root->lo, units * sizeof(double));
        memcpy(state->hi, parent->state->lo ? parent->state->hi : root->hi, units * sizeof(double));
    }
    node->tighten = true;
    lip_leaf_node view = look(w, node);
    return lip_leaf_tighten(b->task->net, view.region, w->path, b->linear,
                            parent->state->lo ? from : 0, state->lo, state->hi, empty);
}

/* Is the cell of a child empty?  If not, its point is kept.  parent NULL: nothing is known that may help. */
static bool probe(lip_worker *w, lip_node *node, const lip_node *parent) {
    lip_branch *b = w->branch;
    lip_node_state *state = node->state;
    lip_leaf_node view = look(w, node);
    size_t d = lip_cone_dimension(b->dense, view.region);
    if (!lip_cone_load(w->cone, &view)) return false;
    state->point = LIP_NEW(double, d);
    state->basis.id = LIP_NEW(unsigned, d + 1);
    if (!state->point || !state->basis.id) return false;
    state->basis.count = parent ? parent->state->basis.count : 0;
    if (state->basis.count > 0)
        memcpy(state->basis.id, parent->state->basis.id,
               state->basis.count * sizeof *state->basis.id);
    if (parent && parent->state->point && lip_cone_holds(w->cone, parent->state->point)) {
        memcpy(state->point, parent->state->point, d * sizeof *state->point);
        ++w->counts.free;
        return true;
    }
    ++w->counts.programs;
    lip_cone_outcome outcome = lip_cone_solve(w->cone, &state->basis);
    if (outcome == LIP_CONE_POINT) {
        memcpy(state->point, lip_cone_point(w->cone), d * sizeof *state->point);
        return !lip_cone_input(w->cone, state->point, w->x) || offer(w);
    }
    free(state->point);
    state->point = NULL;
    state->basis.count = 0;
    if (outcome == LIP_CONE_UNKNOWN) return true;
    bool empty = false;
    size_t count = lip_cone_farkas(w->cone, w->unit, w->multiplier);
    if (!lip_leaf_empty(w->leaf[node->part], &view, count, w->unit, w->multiplier, &empty,
                        &node->text))
        return false;
    w->counts.empty += empty;
    if (empty) close_empty(node);
    return !node->text.failed;
}

/* Like probe, in R^n, where neurons behind undecided ones have no rows in the plain cone, but have some in the lifted
 * one. */
static bool probe_lifted(lip_worker *w, lip_node *node, const lip_node *parent) {
    lip_leaf_node view = look(w, node);
    lip_cone_basis *kept = &node->state->lifted, *basis = &w->basis;
    const lip_cone_basis *known = parent ? &parent->state->lifted : NULL;
    size_t count[3];
    bool empty = false;
    if (view.region->kind != LIP_EVERYWHERE) return true;
    if (!lip_cone_load(w->lifted, &view)) return false;
    if (!lip_cone_is_lifted(w->lifted)) return true;
    ++w->counts.programs;
    basis->count = known ? known->count : 0;
    if (basis->count > 0) memcpy(basis->id, known->id, basis->count * sizeof *basis->id);
    if (lip_cone_solve(w->lifted, basis) != LIP_CONE_EMPTY) {
        free(kept->id);
        kept->count = basis->count;
        kept->id = LIP_NEW(unsigned, basis->count + 1);
        if (kept->id) memcpy(kept->id, basis->id, basis->count * sizeof *basis->id);
        return kept->id != NULL;
    }
    lip_cone_farkas_lifted(w->lifted, count, w->unit);
    if (!lip_leaf_hull(w->leaf[node->part], &view, count, w->unit, &empty, &node->text))
        return false;
    w->counts.empty += empty;
    if (empty) close_empty(node);
    return !node->text.failed;
}

static lip_node *make_child(lip_worker *w, const lip_node *parent, size_t relu, lip_phase phase) {
    lip_branch *b = w->branch;
    bool empty = false, ok = true;
    lip_node *node = lip_node_child(parent, b->dense, lip_gram_groups(w->gram[parent->part]));
    if (!node) return NULL;
    node->state->path[relu] = (signed char)phase;
    if (b->tightens)
        ok = tighten(w, node, parent, b->dense->layer_of[b->dense->relu[relu]], &empty);
    if (ok && empty) {
        ++w->counts.empty;
        ok = set_text(node, "empty\n");
        if (ok) close_empty(node);
    } else if (ok) {
        ok = probe(w, node, parent);
        if (ok && node->kind == LIP_NODE_OPEN) ok = probe_lifted(w, node, parent);
    }
    if (ok) return node;
    lip_node_free(node);
    return NULL;
}

/* ---- Cuts of the box --------------------------------------------------------------------- */

static lip_node *make_half(lip_worker *w, const lip_node *parent, size_t input, double at,
                           bool above) {
    lip_branch *b = w->branch;
    bool empty = false;
    lip_node *node = lip_node_child(parent, b->dense, lip_gram_groups(w->gram[parent->part]));
    if (!node) return NULL;
    const lip_region *whole =
        parent->state->region ? parent->state->region : b->task->query->region;
    if (!node->state->region &&
        lip_region_box(whole->n, whole->lo, whole->hi, &node->state->region, NULL) != LIP_OK) {
        lip_node_free(node);
        return NULL;
    }
    lip_region *half = node->state->region;
    *(above ? &half->lo[input] : &half->hi[input]) = at;
    half->centre[input] = half->lo[input] / 2 + half->hi[input] / 2;
    bool ok = tighten(w, node, parent, 0, &empty);
    if (ok && empty) {
        ++w->counts.empty;
        ok = set_text(node, "empty\n");
        if (ok) close_empty(node);
    }
    if (ok) return node;
    lip_node_free(node);
    return NULL;
}

/* Halve the box; false in *done if it has been halved `most` times that way already: a tree may not be deeper than 4096
 * nodes, and what stays open in very small boxes is degenerate. */
static bool cut(lip_worker *w, lip_node *node, const lip_leaf_node *view, int most,
                lip_node *child[2], bool *done) {
    size_t input = lip_influence_input(w->branch->dense, view);
    double lo = view->region->lo[input], hi = view->region->hi[input], at = lo / 2 + hi / 2;
    const lip_region *whole = w->branch->task->query->region;
    double least = ldexp(whole->hi[input] - whole->lo[input], -most);
    *done = lo < at && at < hi && hi - lo > least;
    if (!*done) return true;
    for (int side = 0; side < 2; ++side) {
        child[side] = make_half(w, node, input, at, side == 1);
        if (!child[side]) {
            lip_node_free(child[0]);
            child[0] = NULL;
            return false;
        }
    }
    node->relu = (unsigned)input;
    node->cut = at;
    w->cuts = true;
    w->first = 0;
    return true;
}

/* The middle of a box is a point as good as any. */
static bool offer_middle(lip_worker *w, const lip_leaf_node *view) {
    memcpy(w->x, view->region->centre, w->branch->dense->inputs * sizeof *w->x);
    return offer(w);
}

/* ---- Expanding --------------------------------------------------------------------------- */

/* |tau| (E v^2 + E (y - v)^2): what the relaxation gains by not knowing the phase.  The neuron with the largest one below
 * *score, which is replaced by its own. */
static size_t choose_neuron(const lip_worker *w, const lip_node *node, double *score) {
    const lip_gram *gram = w->gram[node->part];
    const lip_dense *dense = w->branch->dense;
    size_t best = SIZE_MAX;
    double most = -1;
    for (size_t k = 0; k < dense->relus; ++k) {
        if (w->phase[k] != LIP_UNSTABLE) continue;
        bool later =
            best < k && dense->layer_of[dense->relu[k]] > dense->layer_of[dense->relu[best]];
        if (w->branch->layered && later) break;
        double gain =
            fabs(node->state->multipliers.tau[k]) * (lip_gram_on(gram, k) + lip_gram_off(gram, k));
        if (!(gain > most && (gain < *score || *score == INFINITY))) continue;
        most = gain;
        best = k;
    }
    *score = most;
    return best;
}

/* A cell of which no point is known yet: a half of a box, or a node of a checkpoint. */
static bool visit(lip_worker *w, lip_node *node) {
    lip_text text = node->text;
    if (node->state->point || node->state->basis.id) return true;
    node->text = (lip_text){0};
    bool ok = probe(w, node, NULL);
    if (ok && node->kind != LIP_NODE_EMPTY) {
        lip_text_clear(&node->text);
        node->text = text;
    } else {
        lip_text_clear(&text);
    }
    return ok;
}

/* A node whose phases are all known.  If its cell may be empty without a proof of that, smaller boxes may help. */
static bool settle(lip_worker *w, lip_node *node, double target, lip_node *child[2]) {
    bool done = false;
    if (!visit(w, node)) return false;
    if (node->kind == LIP_NODE_EMPTY) return true;
    lip_leaf_node view = look(w, node);
    if (!bound_by_interval(w, node, &view)) return false;
    pthread_mutex_lock(&w->branch->lock);
    target = fmax(target, w->branch->target); /* by the point that was just seen */
    pthread_mutex_unlock(&w->branch->lock);
    if (node->bound <= target && node->text.size > 0) return true;
    if (w->branch->cuts && !node->state->point && !cut(w, node, &view, FEW_CUTS, child, &done))
        return false;
    if (!done) node->kind = LIP_NODE_STUCK;
    return true;
}

static void drop_children(lip_node *child[2]) {
    lip_node_free(child[0]);
    lip_node_free(child[1]);
    child[0] = child[1] = NULL;
}

/* Both children by the phase of `relu`; child `first` is worked on first.  False, and none, if memory is short. */
static bool make_children(lip_worker *w, lip_node *node, size_t relu, int first,
                          lip_node *child[2]) {
    child[0] = make_child(w, node, relu, LIP_INACTIVE);
    child[1] = child[0] ? make_child(w, node, relu, LIP_ACTIVE) : NULL;
    if (!child[1]) {
        drop_children(child);
        return false;
    }
    node->relu = (unsigned)relu;
    w->first = first;
    return true;
}

static bool one_empty(lip_node *const child[2]) {
    return child[0]->kind == LIP_NODE_EMPTY || child[1]->kind == LIP_NODE_EMPTY;
}

/* The one in which more is left. */
static int larger_child(const lip_worker *w, const lip_node *node, size_t relu) {
    const lip_gram *gram = w->gram[node->part];
    return lip_gram_on(gram, relu) >= lip_gram_off(gram, relu);
}

/* A phase that is impossible costs no branch: a neuron that matters almost as much (OTHERS of them are tried) is better if
 * one of its children is empty. */
static bool try_others(lip_worker *w, lip_node *node, double most, lip_node *child[2]) {
    double score = most;
    for (int i = 0; i < OTHERS && !one_empty(child); ++i) {
        lip_node *other[2];
        unsigned before = node->relu;
        int first = w->first;
        look(w, node);
        size_t relu = choose_neuron(w, node, &score);
        if (relu == SIZE_MAX || score < others_share * most) break;
        if (!make_children(w, node, relu, larger_child(w, node, relu), other)) return false;
        bool better = one_empty(other);
        drop_children(better ? child : other);
        if (better) {
            child[0] = other[0];
            child[1] = other[1];
        } else {
            node->relu = before;
            w->first = first;
        }
    }
    return true;
}

/* By the multipliers of its bound. */
static bool split_by_bound(lip_worker *w, lip_node *node, double target, lip_node *child[2]) {
    double most = INFINITY;
    size_t relu = choose_neuron(w, node, &most);
    bool everywhere = w->branch->task->query->region->kind == LIP_EVERYWHERE;
    if (relu == SIZE_MAX) return settle(w, node, target, child);
    if (!make_children(w, node, relu, larger_child(w, node, relu), child)) return false;
    if (!everywhere || try_others(w, node, most, child)) return true;
    drop_children(child);
    return false;
}

/* By intervals, and split by magnitudes. */
static bool expand_rough(lip_worker *w, lip_node *node, const lip_leaf_node *view, double target,
                         lip_node *child[2]) {
    if (!bound_by_interval(w, node, view)) return false;
    if (node->bound <= target && node->text.size > 0) return true;
    size_t relu = lip_influence_neuron(w->branch->dense, w->phase, w->h, w->z);
    if (relu == SIZE_MAX) return settle(w, node, target, child);
    return make_children(w, node, relu, 1, child);
}

static bool expand(lip_worker *w, lip_node *node, lip_node *child[2]) {
    lip_branch *b = w->branch;
    lip_leaf_node view = look(w, node);
    lip_gram *gram = w->gram[node->part];
    ++w->counts.nodes;
    w->cuts = false;
    pthread_mutex_lock(&b->lock);
    double target = b->target;
    pthread_mutex_unlock(&b->lock);
    size_t free_neurons = 0;
    for (size_t k = 0; k < b->dense->relus; ++k) free_neurons += w->phase[k] == LIP_UNSTABLE;
    if (b->cuts && free_neurons > b->most_free) {
        bool done = false;
        if (!bound_by_interval(w, node, &view)) return false;
        if (node->bound <= target && node->text.size > 0) return true;
        if (!offer_middle(w, &view) || !cut(w, node, &view, MOST_CUTS, child, &done)) return false;
        if (done) return true;
    }
    if (b->rough && free_neurons > 0) return expand_rough(w, node, &view, target, child);
    lip_gram_load(gram, w->phase);
    lip_gram_point *point = &node->state->multipliers;
    if (point->bound == INFINITY && !lip_gram_start(gram, point)) return false;
    if (!lip_gram_solve(gram, point, free_neurons ? target * (1 - 1e-9) : 0,
                        free_neurons ? NODE_STEPS : ROOT_STEPS)) {
        if (!lip_gram_start(gram, point)) return false;
        lip_gram_solve(gram, point, free_neurons ? target * (1 - 1e-9) : 0, ROOT_STEPS);
    }
    if (point->bound < target || !free_neurons) {
        if (!prove(w, node, &view)) return false;
        if (node->bound <= target && node->text.size > 0) return true;
    }
    return split_by_bound(w, node, target, child);
}

/* Newton steps and cells. */
static double solver_work(const lip_worker *w, size_t part) {
    return lip_gram_work(w->gram[part]) + lip_cone_work(w->cone) + lip_cone_work(w->lifted);
}

/* What else one node takes: ranges and rows of both children. */
static double node_work(const lip_branch *b) {
    return 20 * b->weights + (b->tightens ? 20 * b->weights * (double)b->dense->layers : 0);
}

bool lip_worker_expand(lip_worker *w, lip_node *node, lip_node *child[2]) {
    child[0] = child[1] = NULL;
    if (!take_tools(w, node->part)) return false;
    double before = solver_work(w, node->part);
    bool ok = expand(w, node, child);
    w->work += solver_work(w, node->part) - before + node_work(w->branch);
    return ok;
}

/* To the optimum, or until the watch expires; where steps are dear, near it. */
static void solve_root(lip_worker *w, lip_gram *gram, lip_gram_point *point) {
    int most = w->branch->may_be_rough ? FEW_STEPS : ROOT_STEPS;
    for (int i = 0; i < most && !lip_watch_expired(&w->branch->task->watch); i += STEPS_AT_ONCE) {
        size_t before = lip_gram_steps(gram);
        lip_gram_solve(gram, point, 0, STEPS_AT_ONCE);
        if (lip_gram_steps(gram) - before < STEPS_AT_ONCE) break;
    }
}

bool lip_worker_start(lip_worker *w, size_t part) {
    lip_branch *b = w->branch;
    if (!take_tools(w, part)) return false;
    lip_gram *gram = w->gram[part];
    lip_node *root = lip_node_create(b->dense, lip_gram_groups(gram), (unsigned)part);
    if (!root) return false;
    b->root[part] = root;
    lip_leaf_node view = look(w, root);
    lip_gram_load(gram, w->phase);
    size_t free_neurons = 0;
    for (size_t k = 0; k < b->dense->relus; ++k) free_neurons += w->phase[k] == LIP_UNSTABLE;
    root->state->multipliers.bound = INFINITY;
    bool late = lip_watch_expired(&b->task->watch);
    if (late || b->rough || (b->cuts && free_neurons > b->most_free))
        return bound_by_interval(w, root, &view);
    if (!lip_gram_start(gram, &root->state->multipliers)) return false;
    solve_root(w, gram, &root->state->multipliers);
    if (!prove(w, root, &view)) return false;
    return root->text.size > 0 || bound_by_interval(w, root, &view);
}
