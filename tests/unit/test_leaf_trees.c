/* Leaves of branch trees, and whole random trees, as lipcheck sees them.  With a folder as argument the files stay
 * there. */
#include "leaves.h"

#include "region/region.h"

#include <sys/wait.h>
#include <unistd.h>

static const char *folder = "."; /* of the files */
static bool keep_files;
static size_t cases = 60;

/* ---- lipcheck ---------------------------------------------------------------------------- */

static void put_reals(FILE *f, const char *name, const double *x, size_t n) {
    lip_text text = {0};
    lip_text_reals(&text, name, n, x);
    assert_int_equal(fwrite(text.bytes, 1, text.size, f), text.size);
    lip_text_clear(&text);
}

static void put_region(FILE *f, const lip_region *region) {
    double radius = region->radius;
    if (region->kind == LIP_EVERYWHERE) {
        fputs("region everywhere\n", f);
    } else if (region->kind == LIP_BOX) {
        fputs("region box\n", f);
        put_reals(f, "lo", region->lo, region->n);
        put_reals(f, "hi", region->hi, region->n);
    } else {
        put_reals(f, "region ball", &radius, 1);
        put_reals(f, "centre", region->centre, region->n);
    }
}

static void put_head(FILE *f, const question *q, const lip_preactivation *bounds, double upper) {
    static const char *const norms[] = {"", "1", "2", "inf"};
    fprintf(f, "lipcert-certificate 1\nnetwork %s\n", q->net->sha256);
    put_region(f, q->region);
    fprintf(f, "norms %s %s\noutput ", norms[q->p], norms[q->q]);
    if (q->output.kind == LIP_OUTPUT_ALL) fputs("all\n", f);
    if (q->output.kind == LIP_OUTPUT_ROW) fprintf(f, "row %zu\n", q->output.i);
    if (q->output.kind == LIP_OUTPUT_MARGIN)
        fprintf(f, "margin %zu %zu\n", q->output.i, q->output.j);
    fputs(q->linear ? "bounds linear\n" : "bounds interval\n", f);
    for (size_t l = 1; q->linear && l <= q->net->layers; ++l) {
        const lip_layer *layer = &q->net->layer[l];
        if (!layer->relu) continue;
        fprintf(f, "slopes %zu ", l);
        for (size_t u = layer->offset; u < layer->offset + layer->width; ++u)
            fputc(bounds->hi[u] > -bounds->lo[u] ? '1' : '0', f);
        fputc('\n', f);
    }
    put_reals(f, "upper", &upper, 1);
    fputs("lower none\n", f);
}

static void put_set(lip_text *text, lip_part_set set, size_t index) {
    static const char *const names[] = {" cube", " ball", " unit", " fixed"};
    lip_text_word(text, names[set]);
    if (set >= LIP_SET_UNIT) lip_text_size(text, index);
}

/* The first line of a part. */
static void put_part(lip_text *text, const lip_leaf_part *part) {
    lip_text_word(text, "part");
    put_set(text, part->input, part->input_index);
    put_set(text, part->output, part->output_index);
    lip_text_word(text, "\n");
}

/* lipcheck's exit status. */
static int check(const char *network, const char *certificate, bool quiet) {
    char command[1200];
    snprintf(command, sizeof command, "%s %s %s %s", LIPCHECK, network, certificate,
             quiet ? ">/dev/null 2>&1" : "");
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* Write a certificate with this statement (everything between the part's header and the end) and have it checked. */
static void check_statement(const question *q, const lip_preactivation *bounds, const char *name,
                            const lip_text *text, size_t parts, double upper, size_t number) {
    char network[400], certificate[400];
    lip_error err;
    snprintf(network, sizeof network, "%s/leaf%zu.net", folder, number);
    snprintf(certificate, sizeof certificate, "%s/leaf%zu.cert", folder, number);
    assert_int_equal(lip_network_save(q->net, network, &err), LIP_OK);
    FILE *f = fopen(certificate, "w");
    assert_non_null(f);
    put_head(f, q, bounds, upper);
    fprintf(f, "statement %s %zu\n", name, parts);
    fwrite(text->bytes, 1, text->size, f);
    fputs("end\n", f);
    assert_int_equal(fclose(f), 0);
    int status = check(network, certificate, true);
    if (status != 0) {
        print_message("%s\n", certificate);
        check(network, certificate, false);
    }
    assert_int_equal(status, 0);
    if (keep_files) return;
    remove(network);
    remove(certificate);
}

/* A leaf without a path is the part of a statement sdp. */
static void test_sdp_statement(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 2);
    for (size_t c = 0; c < 4 * cases; ++c) {
        question q;
        double bound;
        lip_text text = {0}, leaf = {0};
        lip_preactivation bounds;
        lip_error err;
        leaves_create(&rng, pick(&rng, 4), c % 20 == 0 ? 90 : pick(&rng, 2) ? 4 : 20, &q);
        assert_int_equal(lip_preactivation_create(q.net, q.region, q.linear, NULL, &bounds, &err),
                         LIP_OK);
        box_node node = leaves_root(&q);
        memcpy(node.lo, bounds.lo, q.net->units * sizeof(double));
        memcpy(node.hi, bounds.hi, q.net->units * sizeof(double));
        if (leaves_prove(&rng, &q, &node, &bound, &leaf)) {
            size_t skip = strlen("sdp\n");
            lip_text rest = {.bytes = leaf.bytes + skip, .size = leaf.size - skip};
            put_part(&text, &q.part);
            lip_text_append(&text, &rest);
            check_statement(&q, &bounds, "sdp", &text, 1, bound, c);
        }
        lip_text_clear(&leaf);
        lip_text_clear(&text);
        lip_preactivation_clear(&bounds);
        leaves_clear_node(&node);
        leaves_clear(&q);
    }
}

/* ---- Trees ------------------------------------------------------------------------------- */

typedef struct growth {
    lip_rng *rng;
    const question *q;
    lip_text *text;
    double worst;
    size_t sdps, intervals, empties, founds, splits, cuts, tightens, kept;
} growth;

static box_node copy_of(const question *q, const box_node *node) {
    box_node copy = leaves_root(q);
    copy.region = node->region;
    copy.tightened = node->tightened;
    copy.from = node->from;
    memcpy(copy.path, node->path, q->net->units);
    memcpy(copy.lo, node->lo, q->net->units * sizeof(double));
    memcpy(copy.hi, node->hi, q->net->units * sizeof(double));
    return copy;
}

static void grow_node(growth *w, const box_node *node, int depth);

static void grow_leaf(growth *w, const box_node *node) {
    double bound;
    lip_text text = {0};
    lip_leaf_node seen = leaves_view(node);
    if (pick(w->rng, 3) && leaves_prove(w->rng, w->q, node, &bound, &text)) {
        lip_text_append(w->text, &text);
        ++w->sdps;
    } else {
        assert_true(lip_leaf_interval(w->q->leaf, &seen, &bound, w->text));
        ++w->intervals;
    }
    w->worst = fmax(w->worst, bound);
    lip_text_clear(&text);
}

static void grow_split(growth *w, const box_node *node, int depth) {
    const lip_dense *dense = w->q->dense;
    size_t k = pick(w->rng, dense->relus), tries = 0;
    while (node->path[dense->relu[k]] != LIP_UNSTABLE && tries++ < dense->relus)
        k = (k + 1) % dense->relus;
    if (node->path[dense->relu[k]] != LIP_UNSTABLE) {
        grow_leaf(w, node);
        return;
    }
    lip_text_word(w->text, "split");
    lip_text_size(w->text, k);
    lip_text_word(w->text, "\n");
    ++w->splits;
    for (int phase = 0; phase < 2; ++phase) {
        box_node child = copy_of(w->q, node);
        child.path[dense->relu[k]] = phase ? LIP_ACTIVE : LIP_INACTIVE;
        size_t layer = dense->layer_of[dense->relu[k]];
        child.from = layer < child.from ? layer : child.from;
        grow_node(w, &child, depth - 1);
        leaves_clear_node(&child);
    }
}

static void grow_cut(growth *w, const box_node *node, int depth) {
    size_t j = pick(w->rng, w->q->dense->inputs);
    double lo[MOST_INPUTS], hi[MOST_INPUTS];
    lip_region_get_box(node->region, lo, hi, NULL);
    double old_hi = hi[j], c = lo[j] + (hi[j] - lo[j]) * (0.25 + 0.5 * lip_rng_uniform(w->rng));
    lip_text_word(w->text, "cut");
    lip_text_size(w->text, j);
    lip_text_real(w->text, c);
    lip_text_word(w->text, "\n");
    ++w->cuts;
    for (int side = 0; side < 2; ++side) {
        lip_error err;
        box_node child = copy_of(w->q, node);
        child.from = 0;
        lo[j] = side ? c : lo[j];
        hi[j] = side ? old_hi : c;
        assert_int_equal(lip_region_box(w->q->dense->inputs, lo, hi, &child.region, &err), LIP_OK);
        grow_node(w, &child, depth - 1);
        lip_region_free(child.region);
        leaves_clear_node(&child);
    }
}

static void grow_tighten(growth *w, const box_node *node, int depth) {
    bool empty;
    box_node child = copy_of(w->q, node);
    lip_text_word(w->text, "tighten\n");
    ++w->tightens;
    size_t from = child.tightened && pick(w->rng, 4) ? child.from : 0;
    w->kept += from > 0;
    assert_true(lip_leaf_tighten(w->q->net, child.region, child.path, w->q->linear, from, child.lo,
                                 child.hi, &empty));
    child.tightened = true;
    child.from = w->q->net->layers - 1;
    if (empty) {
        lip_text_word(w->text, "empty\n");
        ++w->empties;
    } else {
        grow_node(w, &child, depth - 1);
    }
    leaves_clear_node(&child);
}

static void grow_node(growth *w, const box_node *node, int depth) {
    if (pick(w->rng, 2) && leaves_find_empty(w->rng, w->q, node, w->text)) {
        ++w->founds;
    } else if (depth <= 0) {
        grow_leaf(w, node);
    } else {
        size_t what = pick(w->rng, 8);
        bool relus = w->q->dense->relus > 0;
        if (what == 0)
            grow_leaf(w, node);
        else if (what <= 2)
            grow_tighten(w, node, depth);
        else if (what == 3 && node->region->kind == LIP_BOX)
            grow_cut(w, node, depth);
        else if (relus)
            grow_split(w, node, depth);
        else
            grow_leaf(w, node);
    }
}

/* The parts of the question: its own, or every column by itself, every row by itself, or both. */
static size_t grow_parts(growth *w, question *q, const box_node *root) {
    bool columns = q->p == LIP_NORM_1 && pick(w->rng, 2);
    bool rows = q->q == LIP_NORM_INF && pick(w->rng, 2);
    size_t inputs = columns ? q->dense->inputs : 1, outputs = rows ? q->dense->rows : 1;
    for (size_t j = 0; j < inputs; ++j)
        for (size_t o = 0; o < outputs; ++o) {
            if (columns) q->part.input = LIP_SET_UNIT;
            if (rows) q->part.output = LIP_SET_FIXED;
            if (columns) q->part.input_index = j;
            if (rows) q->part.output_index = o;
            lip_leaf_free(q->leaf);
            q->leaf = lip_leaf_create(q->dense, q->p, q->q, &q->part);
            assert_non_null(q->leaf);
            put_part(w->text, &q->part);
            grow_node(w, root, inputs * outputs > 2 ? 4 : 7);
        }
    return inputs * outputs;
}

/* No point has a larger norm than the tree's bound. */
static void compare_points(lip_rng *rng, const question *q, double worst) {
    double x[MOST_INPUTS];
    for (int k = 0; k < 50; ++k) {
        leaves_random_point(rng, q->region, x);
        double *z = leaves_values(q, x);
        assert_true(leaves_norm_at(q, z) <= worst * (1 + 1e-12));
        free(z);
    }
}

static void test_trees(void **state) {
    (void)state;
    lip_rng rng;
    lip_rng_seed(&rng, 6);
    growth w = {.rng = &rng};
    for (size_t c = 0; c < 4 * cases; ++c) {
        question q;
        lip_text text = {0};
        lip_preactivation bounds;
        lip_error err;
        leaves_create(&rng, pick(&rng, 4), pick(&rng, 2) ? 3 : 12, &q);
        assert_int_equal(lip_preactivation_create(q.net, q.region, q.linear, NULL, &bounds, &err),
                         LIP_OK);
        box_node root = leaves_root(&q);
        memcpy(root.lo, bounds.lo, q.net->units * sizeof(double));
        memcpy(root.hi, bounds.hi, q.net->units * sizeof(double));
        w.q = &q;
        w.text = &text;
        w.worst = 0;
        size_t parts = grow_parts(&w, &q, &root);
        assert_false(text.failed || text.overflown);
        compare_points(&rng, &q, w.worst);
        check_statement(&q, &bounds, "tree", &text, parts, w.worst, c);
        lip_text_clear(&text);
        lip_preactivation_clear(&bounds);
        leaves_clear_node(&root);
        leaves_clear(&q);
    }
    print_message("leaves: %zu sdp, %zu interval, %zu empty, %zu sum or span; nodes: %zu split, "
                  "%zu cut, %zu tighten (%zu of some layers)\n",
                  w.sdps, w.intervals, w.empties, w.founds, w.splits, w.cuts, w.tightens, w.kept);
    assert_true(w.sdps > 5 * cases && w.intervals > cases && w.empties > 0 && w.kept > 0 &&
                w.founds > cases);
}

int main(int argc, char **argv) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sdp_statement),
                                       cmocka_unit_test(test_trees)};
    if (argc > 1) {
        folder = argv[1];
        keep_files = true;
    }
    if (argc > 2) cases = strtoul(argv[2], NULL, 10);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
