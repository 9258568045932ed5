/* lipcert from C: how fast can the preference for 3 over 8 change near an image of a 3?  Prints what
 * each method proved and writes a certificate: bound FILE.  docs/guide.md walks through it. */
#include <lipcert.h>
#include <stdio.h>
#include <stdlib.h>

static void print(const lip_result *result) {
    for (size_t k = 0; k < result->steps; ++k)
        printf("%-10s %.9g\n", result->step[k].method, result->step[k].value);
    printf("%.17g <= L <= %.17g\n", result->lower, result->upper);
}

int main(int argc, char **argv) {
    double image[64];
    lip_network *net = NULL;
    lip_region *region = NULL;
    lip_result *result = NULL;
    lip_error err;
    char *text = NULL, message[1024];
    size_t size = 0, written = 0;
    lip_query query = {LIP_NORM_INF, LIP_NORM_INF, {LIP_OUTPUT_MARGIN, 3, 8}, NULL, NULL};
    lip_settings settings;
    lip_settings_default(&settings);
    settings.time_limit = 20; /* seconds; when they are over the best bounds so far are returned */

    lip_status status = lip_network_load("examples/digits.onnx", NULL, &net, &err);
    if (!status) status = lip_point_load("examples/digits.csv", 3, 1. / 16, 64, image, &err);
    if (!status) status = lip_region_box_around(64, image, 0.05, 0, 1, &region, &err);
    query.region = region;
    if (!status) status = lip_bound(net, &query, "auto", &settings, NULL, NULL, &result, &err);
    if (!status) print(result);
    if (!status) status = lip_certificate(net, &query, result, &text, &size, &err);
    if (status) {
        lip_error_text(&err, message, sizeof message);
        fprintf(stderr, "%s\n", message);
    }
    FILE *file = status || argc < 2 ? NULL : fopen(argv[1], "w");
    if (file) written = fwrite(text, 1, size, file);
    if (file && fclose(file)) written = 0;
    free(text);
    lip_result_free(result);
    lip_region_free(region);
    lip_network_free(net);
    return status || written < size;
}
