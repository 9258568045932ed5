#include "moments.h"

#include "base/memory.h"
#include "relax/moment_bound.h"

static lip_region *box(size_t n, double radius) {
    lip_region *region;
    lip_error err;
    double lo[16], hi[16];
    for (size_t i = 0; i < n; ++i) {
        lo[i] = 0.1 * (double)i - radius;
        hi[i] = 0.1 * (double)i + radius;
    }
    assert_int_equal(radius > 0 ? lip_region_box(n, lo, hi, &region, &err)
                                : lip_region_everywhere(n, &region, &err),
                     LIP_OK);
    return region;
}

void ask(question *q, lip_network *net, double radius) {
    lip_error err;
    q->net = net;
    q->region = box(lip_inputs(net), radius);
    q->query = (lip_query){LIP_NORM_INF, LIP_NORM_INF, {LIP_OUTPUT_ROW, 0, 0}, q->region, NULL};
    assert_int_equal(lip_preactivation_create(net, q->region, true, NULL, &q->bounds, &err),
                     LIP_OK);
}

void forget(question *q) {
    lip_preactivation_clear(&q->bounds);
    lip_region_free(q->region);
    lip_network_free(q->net);
}

lip_poly_problem *problem_of(const question *q, lip_hierarchy hierarchy) {
    lip_poly_problem *problem;
    lip_error err = {0};
    lip_poly_options options = {.point = true,
                                .lifts = hierarchy == LIP_HIERARCHY_HR2,
                                .keep = hierarchy == LIP_HIERARCHY_HR1};
    assert_int_equal(
        lip_poly_problem_create(q->net, &q->bounds, &q->query, &options, &problem, &err), LIP_OK);
    return problem;
}

double bound_of(const question *q, lip_hierarchy hierarchy, size_t order) {
    lip_poly_problem *problem = problem_of(q, hierarchy);
    lip_moment_report report;
    lip_error err = {0};
    assert_int_equal(lip_moment_bound(problem, hierarchy, order, NULL, NULL, &report, &err),
                     LIP_OK);
    assert_true(report.bound < INFINITY);
    /* what is proved is what the solver believes, up to its tolerance */
    assert_true(fabs(report.bound - report.value) <= 1e-6 * (1 + report.bound));
    lip_poly_problem_free(problem);
    return report.bound;
}
