/* usage: export_prove NET P Q ROW PART PHASES [CENTRE EPS] SOLUTION: read csdp's solution of the program
 * that lipcert export wrote for the same question, and print the bound that lip_repair proves from its
 * multipliers, once as they are and once after improving y; then the file's exponent.  ROW is a number
 * or "all"; without CENTRE, a .npy file, the region is R^n. */
#include "cert/repair.h"
#include "region/region.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void check(lip_status status, const lip_error *err) {
    if (status == LIP_OK) return;
    fprintf(stderr, "export_prove: %s: %s\n", err->file, err->message);
    exit(1);
}

static lip_region *region_of(size_t n, const char *centre, const char *eps) {
    lip_region *region = NULL;
    lip_error err = {0};
    double *x = calloc(n, sizeof *x);
    if (!centre) {
        check(lip_region_everywhere(n, &region, &err), &err);
    } else {
        check(lip_point_load(centre, 0, 1, n, x, &err), &err);
        check(lip_region_box_around(n, x, strtod(eps, NULL), -INFINITY, INFINITY, &region, &err),
              &err);
    }
    free(x);
    return region;
}

/* The first line of a solution holds the multipliers, in the order of the constraints. */
static void read_multipliers(const char *path, const lip_lifted *lifted, lip_multipliers *m) {
    FILE *file = fopen(path, "r");
    double number;
    size_t count = 0;
    for (size_t g = 0; file && g < lifted->groups; ++g)
        if (!lifted->group[g].implied && fscanf(file, "%lf", &number) == 1)
            m->y[g] = number, ++count;
    for (size_t k = 0; file && k < lip_family_multipliers(lifted); ++k)
        if (fscanf(file, "%lf", &number) == 1) m->lambda[k] = number, ++count;
    if (file) fclose(file);
    if (count == 0) fprintf(stderr, "export_prove: %s: no multipliers\n", path), exit(1);
}

static lip_norm norm_of(const char *text) {
    return *text == '1' ? LIP_NORM_1 : *text == '2' ? LIP_NORM_2 : LIP_NORM_INF;
}

int main(int argc, char **argv) {
    lip_error err = {0};
    lip_network *net = NULL;
    lip_preactivation bounds;
    lip_lifted *lifted = NULL;
    double direct, improved;
    if (argc != 8 && argc != 10) return 1;
    check(lip_network_load(argv[1], NULL, &net, &err), &err);
    lip_network_info info;
    lip_network_get_info(net, &info);
    lip_region *region =
        region_of(info.inputs, argc == 10 ? argv[7] : NULL, argc == 10 ? argv[8] : NULL);
    lip_output output = {.kind = LIP_OUTPUT_ALL};
    if (strcmp(argv[4], "all") != 0)
        output = (lip_output){.kind = LIP_OUTPUT_ROW, .i = strtoul(argv[4], NULL, 10)};
    lip_query query = {norm_of(argv[2]), norm_of(argv[3]), output, region, NULL};
    check(lip_preactivation_create(net, region, true, NULL, &bounds, &err), &err);
    lip_lifted_options options = {
        .part = strtoul(argv[5], NULL, 10), .phases = argv[6][0] == '1', .gram_limit = 4096};
    check(lip_lifted_create_unsorted(net, &bounds, &query, &options, &lifted, &err), &err);
    lip_multipliers m = {calloc(lifted->groups, sizeof(double)),
                         calloc(lip_family_multipliers(lifted) + 1, sizeof(double))};
    read_multipliers(argv[argc - 1], lifted, &m);
    lip_repair_options none = {0, 1e-9, NULL}, more = {30, 1e-9, NULL};
    check(lip_repair(lifted, &m, &none, &direct, &err), &err);
    check(lip_repair(lifted, &m, &more, &improved, &err), &err);
    printf("%.17g %.17g %d\n", direct, improved, lifted->exponent);
    free(m.y);
    free(m.lambda);
    lip_lifted_free(lifted);
    lip_preactivation_clear(&bounds);
    lip_region_free(region);
    lip_network_free(net);
    return 0;
}
