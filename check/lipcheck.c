/* lipcheck NET CERT: does the certificate prove its claims about the network?
 *
 * Everything is proved anew from the two files (docs/certificate.md); the claims are only compared
 * with the result.  A comparison that cannot be made true, be it for a NaN, rejects. */
#include "round.h"
#include <fenv.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: lipcheck NET CERT | --help | --version\n\n"
    "Check the certificate CERT, as written by 'lipcert bound --certificate', against the network\n"
    "NET in its canonical format, as written by 'lipcert convert'.  Prints the bounds proved here\n"
    "and 's VERIFIED', 's REJECTED reason' or 's MALFORMED file, line, reason'.\n\n"
    "Exit status: 0 verified, 1 rejected, 2 malformed or unreadable file, or wrong usage.\n";

void stop(int status, const char *format, ...) {
    FILE *to = status == REJECTED ? stdout : stderr;
    va_list args;
    va_start(args, format);
    fputs(status == REJECTED ? "s REJECTED " : "lipcheck: ", to);
    vfprintf(to, format, args);
    fputs("\n", to);
    va_end(args);
    exit(status);
}

/* printf rounds as the floating-point environment says. */
static double print_bound(const char *name, double bound, int direction, double claim) {
    fesetround(direction);
    printf("%s %.17g\n", name, bound);
    fesetround(FE_TONEAREST);
    if (!(direction == FE_UPWARD ? bound <= claim : bound >= claim))
        stop(REJECTED, "the %s bound is not as good as claimed, %.17g", name, claim);
    return bound;
}

/* Layer L with its matrices replaced by S times them. */
static struct matrix *select_outputs(const struct network *net, const struct certificate *c) {
    const struct layer *layer = &net->layer[net->layers];
    struct matrix *last = take(layer->terms, sizeof *last);
    for (size_t i = 0; i < layer->terms; i++) {
        const struct matrix *a = &layer->term[i];
        last[i] = *a;
        if (c->output == ALL) continue;
        double *row = take(a->cols, sizeof *row);
        for (size_t e = a->start[c->plus]; e < a->start[c->plus + 1]; e++)
            row[a->col[e]] = a->val[e];
        for (size_t e = a->start[c->minus]; c->output == MARGIN && e < a->start[c->minus + 1]; e++)
            row[a->col[e]] -= a->val[e];
        last[i] = matrix_new(1, a->cols, a->cols);
        for (size_t j = 0; j < a->cols; j++) matrix_put(&last[i], 0, j, row[j]);
        last[i].rounded = c->output == MARGIN;
        last[i].source = a->source;
    }
    return last;
}

int main(int argc, char **argv) {
    struct network net = {0};
    struct certificate cert = {0};
    if (argc == 2 && !strcmp(argv[1], "--help"))
        return printf("%s", help) < 0 || fflush(stdout) ? FAILED : VERIFIED;
    if (argc == 2 && !strcmp(argv[1], "--version"))
        return puts("lipcheck " LIPCHECK_VERSION) < 0 || fflush(stdout) ? FAILED : VERIFIED;
    if (argc != 3 || argv[1][0] == '-') stop(FAILED, "expected two files, see lipcheck --help");
    if (fesetround(FE_TONEAREST)) stop(FAILED, "round-to-nearest cannot be set");
    network_read(argv[1], &net);
    certificate_read(argv[2], &net, &cert);
    if (strcmp(net.hash, cert.hash) != 0)
        stop(REJECTED, "the certificate is about the network %s, not %s", cert.hash, net.hash);
    struct problem p = {.net = &net, .cert = &cert, .last = select_outputs(&net, &cert)};
    double (*const statement[])(const struct problem *) = {product_bound, jacobian_bound, sdp_bound,
                                                           identity_bound, tree_bound};
    bounds_compute(&p);
    double upper = INFINITY, lower = 0;
    if (cert.has_upper)
        upper = print_bound("upper", statement[cert.statement](&p), FE_UPWARD, cert.upper);
    if (cert.has_lower) lower = print_bound("lower", witness_bound(&p), FE_DOWNWARD, cert.lower);
    if (lower > upper) stop(FAILED, "the bounds cross: a defect of lipcheck, please report it");
    puts("s VERIFIED");
    if (fflush(stdout) || ferror(stdout)) stop(FAILED, "cannot write the result");
    return VERIFIED;
}
