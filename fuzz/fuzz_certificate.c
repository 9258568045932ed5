/* lipcheck on a network and a certificate.  The input is both files, one after the other; the network
 * ends with the first line "end".
 *
 * lipcheck is a program: it opens files, prints, and ends by exit().  Here its sources are compiled with
 * main, fopen, calloc and exit renamed (CMakeLists.txt): files come from memory, exit() jumps back, stdout
 * is a stream into memory (an assignable variable in glibc), and the memory that a process would leave
 * to the system is released.  Checked is that the exit status and the last line belong together and
 * that a verified claim is printed as a number. */
#define _GNU_SOURCE /* memmem, memfd_create */
#include "renamed.h"

#include "../check/check.h"

#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MOST_MEMORY ((size_t)256 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct {
    const uint8_t *data[2]; /* network, certificate */
    size_t size[2];
    char *output;
    size_t printed;
    jmp_buf out;
} run;

static void require(bool property) {
    if (!property) abort();
}

/* ---- What lipcheck calls -------------------------------------------------------------------- */

_Noreturn void lipcheck_exit(int status) { longjmp(run.out, status + 1); }

FILE *lipcheck_fopen(const char *name, const char *mode) {
    int i = strcmp(name, "certificate") == 0, file = memfd_create(name, 0);
    FILE *stream = file < 0 ? NULL : fdopen(file, "w+b");
    (void)mode;
    require(stream);
    require(fwrite(run.data[i], 1, run.size[i], stream) == run.size[i]);
    rewind(stream);
    return stream;
}

void *lipcheck_calloc(size_t count, size_t size) {
    return size && count > MOST_MEMORY / size ? NULL : calloc(count, size);
}

/* ---- The target ------------------------------------------------------------------------------ */

/* Nearly every mutant of a network has another hash.  Write the right one where a hash stands (one that
 * begins with 0 is left alone), so that more than the readers is reached.  Returns a copy. */
static uint8_t *correct_hash(const uint8_t *network, size_t size, const uint8_t *cert,
                             size_t bytes) {
    static const char head[] = "lipcert-certificate 1\nnetwork ";
    const size_t at = sizeof head - 1;
    uint8_t *copy = malloc(bytes + 1);
    char hash[65];
    require(copy);
    memcpy(copy, cert, bytes);
    if (bytes < at + 64 || memcmp(copy, head, at) != 0 || copy[at] == '0') return copy;
    sha256_hex((const char *)network, size, hash);
    memcpy(copy + at, hash, 64);
    return copy;
}

static int call(void) {
    static char name[3][16] = {"lipcheck", "network", "certificate"};
    char *argv[] = {name[0], name[1], name[2], NULL};
    FILE *volatile saved = stdout;
    stdout = open_memstream(&run.output, &run.printed);
    require(stdout);
    int jumped = setjmp(run.out);
    int status = jumped ? jumped - 1 : lipcheck_main(3, argv);
    fclose(stdout);
    stdout = saved;
    release(NULL);
    return status;
}

static void check_output(int status) {
    static const char *const last[] = {"s VERIFIED\n", "s REJECTED ", "s MALFORMED "};
    require(status >= 0 && status <= 2 && run.printed > 0 && run.output[run.printed - 1] == '\n');
    char *line = run.output + run.printed - 1;
    while (line > run.output && line[-1] != '\n') --line;
    require(strncmp(line, last[status], strlen(last[status])) == 0);
    if (status != 0) return;
    require(line > run.output);
    for (char *at = run.output; at < line; at = strchr(at, '\n') + 1) {
        require(strncmp(at, "upper ", 6) == 0 || strncmp(at, "lower ", 6) == 0);
        double bound = strtod(at + 6, NULL);
        require(bound >= 0); /* not NaN either */
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    const char *end = memmem(data, size, "\nend\n", 5);
    size_t first = end ? (size_t)(end - (const char *)data) + 5 : size;
    uint8_t *cert = correct_hash(data, first, data + first, size - first);
    run.data[0] = data;
    run.size[0] = first;
    run.data[1] = cert;
    run.size[1] = size - first;
    check_output(call());
    free(run.output);
    free(cert);
    return 0;
}
