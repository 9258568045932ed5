/* lipcheck NET CERT: does the certificate prove its claims about the network?
 *
 * Everything is proved anew from the two files (docs/certificate.md); the claims are only compared
 * with the result.  Nothing is tolerated: a comparison that cannot be made true, be it for a NaN,
 * rejects. */
#include "round.h"
#include <fenv.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: lipcheck NET CERT\n"
    "\n"
    "Check the certificate CERT, as written by 'lipcert bound --certificate', against the network NET\n"
    "in its canonical format, as written by 'lipcert convert'.  Prints the bounds that were proved here\n"
    "and 's VERIFIED', 's REJECTED reason' or 's MALFORMED file, line, reason'.\n"
    "\n"
    "  --help, --version\n"
    "\n"
    "Exit status: 0 verified, 1 rejected, 2 malformed or unreadable file, or wrong usage.\n";

void reject(const char *format, ...) {
    va_list args;
    va_start(args, format);
    printf("s REJECTED ");
    vprintf(format, args);
    printf("\n");
    va_end(args);
    exit(1);
}

void give_up(const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "lipcheck: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    exit(2);
}

/* printf rounds as the floating-point environment says. */
static void print_bound(const char *name, double value, int direction) {
    fesetround(direction);
    printf("%s %.17g\n", name, value);
    fesetround(FE_TONEAREST);
}

/* Layer L with its matrices replaced by S times them. */
static struct term *select_outputs(const struct network *net, const struct certificate *c) {
    const struct layer *layer = &net->layer[net->layers];
    struct term *last = take(layer->terms, sizeof *last);
    for (size_t i = 0; i < layer->terms; i++) {
        const struct matrix *a = &layer->term[i].a;
        last[i] = layer->term[i];
        if (c->output == ALL) continue;
        size_t at = a->start[c->plus], end = a->start[c->plus + 1], cols = a->cols;
        size_t by = c->output == MARGIN ? a->start[c->minus] : 0;
        size_t stop = c->output == MARGIN ? a->start[c->minus + 1] : 0;
        struct matrix s = {1, cols, take(2, sizeof *s.start), NULL, NULL, c->output == MARGIN};
        s.col = take(end - at + stop - by, sizeof *s.col);
        s.val = take(end - at + stop - by, sizeof *s.val);
        while (at < end || by < stop) { /* merge the two rows by columns */
            bool plus = at < end && (by == stop || a->col[at] <= a->col[by]);
            bool minus = by < stop && (at == end || a->col[by] <= a->col[at]);
            size_t e = s.start[1];
            s.col[e] = a->col[plus ? at : by];
            s.val[e] = (plus ? a->val[at++] : 0) - (minus ? a->val[by++] : 0);
            s.start[1] += s.val[e] != 0;
        }
        last[i].a = s;
    }
    return last;
}

int main(int argc, char **argv) {
    static struct network net;
    static struct certificate cert;
    if (argc == 2 && !strcmp(argv[1], "--help")) return fputs(help, stdout) < 0 ? 2 : 0;
    if (argc == 2 && !strcmp(argv[1], "--version")) return puts("lipcheck " LIPCHECK_VERSION) < 0 ? 2 : 0;
    if (argc != 3 || argv[1][0] == '-') give_up("expected two files, see lipcheck --help");
    if (fesetround(FE_TONEAREST)) give_up("round-to-nearest cannot be set");
    network_read(argv[1], &net);
    certificate_read(argv[2], &net, &cert);
    if (strcmp(net.hash, cert.hash) != 0)
        reject("the certificate is about the network %s, but this one is %s", cert.hash, net.hash);
    struct problem p = {.net = &net, .cert = &cert, .last = select_outputs(&net, &cert)};
    bounds_compute(&p);
    if (cert.has_upper) {
        double bound = cert.statement == PRODUCT    ? product_bound(&p)
                       : cert.statement == JACOBIAN ? jacobian_bound(&p)
                                                    : sdp_bound(&p);
        print_bound("upper", bound, FE_UPWARD);
        if (!(bound <= cert.upper)) reject("the upper bound is not as good as claimed, %.17g", cert.upper);
    }
    if (cert.has_lower) {
        double bound = witness_bound(&p);
        print_bound("lower", bound, FE_DOWNWARD);
        if (!(bound >= cert.lower)) reject("the lower bound is not as good as claimed, %.17g", cert.lower);
    }
    puts("s VERIFIED");
    if (fflush(stdout) || ferror(stdout)) give_up("cannot write the result");
    return 0;
}
