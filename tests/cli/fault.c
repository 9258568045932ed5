/* An allocator that fails at the k-th call, and says which calls are alike.
 *
 * The program is linked with --wrap, so that each malloc, calloc and realloc in the program and
 * the library comes here (calls inside shared libraries do not).  LIPCERT_FAIL_ALLOC=k makes
 * call number k return NULL, once.
 *
 * LIPCERT_TRACE_ALLOC=FILE writes eight bytes for each call, in their order: a hash of the return
 * addresses from the call up to main.  What a program does after a NULL is the code at those
 * addresses, one after the other: so two calls with the same chain fail into the same code, and
 * only the data differ.  (A tail call leaves no address behind, and no code to come back to.)
 * A chain that does not reach main, for want of unwind tables, is written as 0: like no other. */
#include <fcntl.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <unwind.h>

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *old, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *old, size_t size);
int main(int argc, char **argv);

typedef struct chain {
    uint64_t hash;
    bool whole; /* main was reached */
} chain;

static atomic_ulong calls;
static unsigned long failing; /* 0: none */
static int trace = -1;        /* a file, or -1 */

__attribute__((constructor)) static void prepare(void) {
    const char *text = getenv("LIPCERT_FAIL_ALLOC"), *path = getenv("LIPCERT_TRACE_ALLOC");
    failing = text ? strtoul(text, NULL, 10) : 0;
    if (path) trace = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
}

/* One more return address, stirred in as FNV-1a does with bytes. */
static _Unwind_Reason_Code step(struct _Unwind_Context *context, void *data) {
    chain *c = data;
    c->hash = (c->hash ^ (uint64_t)_Unwind_GetIP(context)) * 0x100000001b3u;
    c->hash ^= c->hash >> 29;
    c->whole = _Unwind_GetRegionStart(context) == (uintptr_t)main;
    return c->whole ? _URC_END_OF_STACK : _URC_NO_REASON;
}

/* Every call has its own place in the file, so that threads need no lock. */
static void record(unsigned long k) {
    chain c = {0xcbf29ce484222325u, false};
    _Unwind_Backtrace(step, &c);
    uint64_t word = c.whole ? c.hash : 0;
    if (pwrite(trace, &word, sizeof word, (off_t)((k - 1) * sizeof word)) != sizeof word) abort();
}

static bool fails(void) {
    unsigned long k = atomic_fetch_add(&calls, 1) + 1;
    if (trace >= 0) record(k);
    return k == failing;
}

void *__wrap_malloc(size_t size) { return fails() ? NULL : __real_malloc(size); }

void *__wrap_calloc(size_t count, size_t size) {
    return fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_realloc(void *old, size_t size) { return fails() ? NULL : __real_realloc(old, size); }
