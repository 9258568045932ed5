/* The smallest user of an installed lipcert: bounds f(x) = max(x, 0) - max(-x, 0) = x on R, L = 1. */
#include <lipcert.h>
#include <stdio.h>
#include <string.h>

int main(void) {
    const double w1[] = {1, -1}, w2[] = {1, -1};
    const double *const weight[] = {w1, w2}, *const bias[] = {NULL, NULL};
    const size_t width[] = {1, 2, 1};
    lip_network *net = NULL;
    lip_region *region = NULL;
    lip_result *result = NULL;
    lip_error err;
    bool good = lip_network_create_dense(2, width, weight, bias, &net, &err) == LIP_OK &&
                lip_region_everywhere(1, &region, &err) == LIP_OK;
    if (good) {
        lip_query query = {LIP_NORM_INF, LIP_NORM_INF, {LIP_OUTPUT_ROW, 0, 0}, region, NULL};
        good = lip_bound(net, &query, NULL, NULL, NULL, NULL, &result, &err) == LIP_OK;
    }
    if (good) {
        printf("lipcert %s: %.17g <= 1 <= %.17g\n", lip_version(), result->lower, result->upper);
        good = result->lower > 0.999 && result->lower <= 1 && result->upper >= 1 &&
               result->upper <= 2.001 && strcmp(lip_version(), EXPECTED_VERSION) == 0;
    } else {
        fprintf(stderr, "%s\n", err.message);
    }
    lip_result_free(result);
    lip_region_free(region);
    lip_network_free(net);
    return good ? 0 : 1;
}
