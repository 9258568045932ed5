/* Parts of JSON documents.
 *
 * JSON has neither infinities nor exact doubles that survive every reader, so a bound appears
 * three times: as a number with 17 digits (null if infinite), which any correctly rounding
 * parser turns back into the same double; in hexadecimal, exactly ("inf" if infinite); and as
 * decimal text rounded outwards, for readers that compute in decimal.
 *
 * Every jansson call that builds something may fail for lack of memory.  json_object_set_new and
 * json_array_append_new accept NULL (and fail) and consume their value in every case, so a
 * document can be built without a branch per call: each cli_put records failure in the
 * builder and the end of the construction looks at it once. */
#include "json.h"

#include "failure.h"
#include "files.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* jansson does not always say that memory was the reason, and its allocator gets no pointer of ours. */
static bool memory_was_short;

static void *allocate(size_t size) {
    void *memory = malloc(size);
    if (!memory) memory_was_short = true;
    return memory;
}

bool cli_json_short(void) { return memory_was_short; }

void cli_json_start(void) { json_set_alloc_funcs(allocate, free); }

/* ---- Building blocks --------------------------------------------------------------------- */

cli_builder cli_start(void) {
    cli_builder b = {json_object(), false};
    b.failed = b.object == NULL;
    return b;
}

void cli_put(cli_builder *b, const char *key, json_t *value) {
    if (json_object_set_new(b->object, key, value) != 0) b->failed = true;
}

json_t *cli_finish(cli_builder *b) {
    if (!b->failed) return b->object;
    json_decref(b->object);
    return NULL;
}

json_t *cli_json_count(size_t value) { return json_integer((json_int_t)value); }

json_t *cli_json_number(double value) { return isfinite(value) ? json_real(value) : json_null(); }

json_t *cli_json_string(const char *text) {
    json_t *value = json_string(text);
    if (value) return value;
    char *clean = cli_alloc(3 * strlen(text) + 1, 1);
    if (!clean) return NULL;
    char *to = clean;
    for (const char *from = text; *from; from++)
        if ((unsigned char)*from < 128)
            *to++ = *from;
        else
            to = (char *)memcpy(to, "\xEF\xBF\xBD", 3) + 3;
    *to = '\0';
    value = json_string(clean);
    free(clean);
    return value;
}

json_t *cli_json_hexadecimal(double value) {
    char text[64];
    snprintf(text, sizeof text, "%a", value);
    return json_string(text);
}

json_t *cli_json_array(const double *x, size_t n) {
    json_t *list = json_array();
    for (size_t i = 0; list && i < n; i++)
        if (json_array_append_new(list, cli_json_number(x[i])) != 0) {
            json_decref(list);
            return NULL;
        }
    return list;
}

void cli_put_bound(cli_builder *b, const char *key, double value, cli_rounding rounding) {
    char name[64], decimal[CLI_DECIMAL_SIZE];
    cli_put(b, key, cli_json_number(value));
    snprintf(name, sizeof name, "%s_hex", key);
    cli_put(b, name, cli_json_hexadecimal(value));
    cli_decimal(value, 17, rounding, decimal);
    snprintf(name, sizeof name, "%s_decimal", key);
    cli_put(b, name, json_string(decimal));
}

/* ---- Writing ----------------------------------------------------------------------------- */

/* The text of a document while it is being written. */
typedef struct sink {
    char *text;
    size_t length, capacity;
    bool
        failed; /* stays set: jansson 2.14 ignores a failure while it writes a key (its issue 655) */
} sink;

/* A json_dump_callback_t: append to the sink, which always has room for one byte more. */
static int append(const char *bytes, size_t size, void *user) {
    sink *to = user;
    if (to->failed) return -1;
    if (to->capacity - to->length <= size) {
        size_t capacity = 2 * to->capacity + size + 1024;
        char *text = capacity > to->capacity ? realloc(to->text, capacity) : NULL;
        to->failed = text == NULL;
        if (to->failed) return -1;
        to->text = text;
        to->capacity = capacity;
    }
    memcpy(to->text + to->length, bytes, size);
    to->length += size;
    return 0;
}

bool cli_json_text(const json_t *document, size_t flags, char **text, size_t *length) {
    sink to = {0};
    bool bad = !document ||
               json_dump_callback(document, append, &to, flags | JSON_REAL_PRECISION(17)) != 0;
    if (bad || to.failed) {
        free(to.text);
        return false;
    }
    to.text[to.length++] = '\n';
    *text = to.text;
    *length = to.length;
    return true;
}

lip_status cli_json_emit(json_t *document, const char *path, lip_error *err) {
    char *text = NULL;
    size_t length = 0;
    bool ok = cli_json_text(document, JSON_INDENT(2), &text, &length);
    json_decref(document);
    if (!ok) return cli_fail_memory(err);
    lip_status status = LIP_OK;
    if (strcmp(path, "-") == 0)
        fwrite(text, 1, length, stdout); /* main checks stdout */
    else
        status = cli_write_file(path, text, length, err);
    free(text);
    return status;
}
