/* MATLAB level 5 .mat files (MathWorks, "MAT-File Format"), as far as networks need them.
 *
 *     header of 128 bytes: text, ..., version, "IM" (little endian) or "MI" (big endian)
 *     then data elements: type (4 bytes), length (4), data, padding to a multiple of 8
 *     or, small: length (2 bytes), type (2), data of at most 4 bytes, padding to 8 in all
 *
 * A variable is an element miMATRIX, holding elements again: flags (class, complex), dimensions, name,
 * then values (by columns, in any number type that holds them exactly), or one miMATRIX per cell; or it
 * is an element miCOMPRESSED, whose zlib stream holds the former.
 *
 * What becomes a network: cells `weights` or `W` (and `biases` or `b`), one matrix per layer; or
 * matrices by the names that chain.h knows, such as A, b, c. */
#include "base/error.h"
#include "base/memory.h"
#include "read/chain.h"
#include "read/file.h"
#include "read/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INT8 = 1, UINT8, INT16, UINT16, INT32, UINT32, SINGLE, DOUBLE = 9, INT64 = 12, UINT64 };
enum { MATRIX = 14, COMPRESSED, UTF8, UTF16, UTF32 };
enum { CLASS_CELL = 1, CLASS_STRUCT, CLASS_OBJECT, CLASS_CHAR, CLASS_SPARSE, CLASS_DOUBLE };
enum { CLASS_UINT64 = 15, CLASS_FUNCTION, CLASS_OPAQUE };

typedef enum value_kind { OTHER, NUMBERS, TEXT, CELL } value_kind;

/* A variable or a cell.  OTHER: well-formed, but nothing to compute with; `what` says what it is. */
typedef struct value {
    value_kind kind;
    const char *what;
    lip_named array;    /* the name; values of NUMBERS and (as character codes) of TEXT */
    struct value *cell; /* of CELL */
    size_t cells;
} value;

typedef struct mat {
    bool big_endian;
    size_t budget; /* bytes that may still be unpacked */
    value *variable;
    size_t count, capacity;
    lip_error *err;
} mat;

static void clear_value(value *v) {
    for (size_t i = 0; i < v->cells; ++i)
        clear_value(&v->cell[i]); /* cells hold no cells: depth 2 */
    free(v->cell);
    free(v->array.m.value);
}

/* ---- Elements ---------------------------------------------------------------------------- */

/* Bytes start..end of a block; `origin` is where the block starts in the file, for messages. */
typedef struct span {
    const unsigned char *bytes;
    size_t at, end, origin;
} span;

typedef struct element {
    unsigned type;
    const unsigned char *data;
    size_t size, offset; /* offset of the element in the file */
} element;

static uint64_t load(const mat *m, const unsigned char *p, size_t size) {
    uint64_t bits = 0;
    for (size_t i = 0; i < size; ++i) bits = bits << 8 | p[m->big_endian ? i : size - 1 - i];
    return bits;
}

/* The next element of a block.  Compressed elements are not padded, and the padding of the very last
 * element may be missing. */
static lip_status next_element(const mat *m, span *s, const char *what, element *e) {
    size_t left = s->end - s->at;
    const unsigned char *p = s->bytes + s->at;
    e->offset = s->origin + s->at;
    if (left < 8)
        return lip_fail_byte(m->err, LIP_FORMAT, e->offset,
                             "expected %s, found the end of the data after %zu bytes", what, left);
    uint64_t word = load(m, p, 4);
    bool small = word >> 16 != 0;
    e->type = (unsigned)(word & 0xffff);
    e->size = small ? (size_t)(word >> 16) : (size_t)load(m, p + 4, 4);
    e->data = p + (small ? 4 : 8);
    if (small ? e->size > 4 : e->size > left - 8)
        return lip_fail_byte(m->err, LIP_FORMAT, e->offset,
                             "expected %s of %zu bytes, found only %zu", what, e->size,
                             small ? (size_t)4 : left - 8);
    size_t step = small ? 8 : 8 + e->size;
    if (!small && e->type != COMPRESSED) step = (step + 7) / 8 * 8;
    s->at += step < left ? step : left;
    return LIP_OK;
}

/* Bytes per entry of a number type; 0 for everything else. */
static size_t item_size(unsigned type) {
    switch (type) {
    case INT8:
    case UINT8:
    case UTF8: return 1;
    case INT16:
    case UINT16:
    case UTF16: return 2;
    case INT32:
    case UINT32:
    case SINGLE:
    case UTF32: return 4;
    case DOUBLE:
    case INT64:
    case UINT64: return 8;
    }
    return 0;
}

static double number(const mat *m, unsigned type, const unsigned char *p) {
    size_t size = item_size(type);
    uint64_t bits = load(m, p, size);
    if (type == DOUBLE) {
        double x;
        memcpy(&x, &bits, sizeof x);
        return x;
    }
    if (type == SINGLE) {
        uint32_t narrow = (uint32_t)bits;
        float x;
        memcpy(&x, &narrow, sizeof x);
        return x;
    }
    unsigned shift = (unsigned)(64 - 8 * size);
    bool is_signed = type == INT8 || type == INT16 || type == INT32 || type == INT64;
    if (is_signed && bits << shift >> 63) return -(double)((~bits + 1) << shift >> shift);
    return (double)bits;
}

/* ---- Matrices ---------------------------------------------------------------------------- */

/* rows x cols from the dimensions; 0 x 0 and a reason in v->what if there are more than two. */
static lip_status read_dimensions(const mat *m, span *s, value *v) {
    element e;
    lip_status status = next_element(m, s, "dimensions", &e);
    if (status != LIP_OK) return status;
    if (e.type != INT32 || e.size < 8 || e.size % 4 != 0)
        return lip_fail_byte(m->err, LIP_FORMAT, e.offset,
                             "expected two or more dimensions, found type %u and %zu bytes", e.type,
                             e.size);
    uint64_t rows = load(m, e.data, 4), cols = load(m, e.data + 4, 4);
    if (rows > INT32_MAX || cols > INT32_MAX)
        return lip_fail_byte(m->err, LIP_FORMAT, e.offset, "expected dimensions of at least 0");
    if (e.size > 8) {
        v->what = "an array of more than two dimensions";
        return LIP_OK;
    }
    v->array.m.rows = (size_t)rows;
    v->array.m.cols = (size_t)cols;
    return LIP_OK;
}

static lip_status read_name(const mat *m, span *s, value *v) {
    element e;
    lip_status status = next_element(m, s, "a name", &e);
    if (status != LIP_OK) return status;
    if ((e.type != INT8 && e.type != UINT8 && e.type != UTF8) || e.size >= LIP_NAME_SIZE)
        return lip_fail_byte(m->err, LIP_FORMAT, e.offset,
                             "expected a name of at most 63 bytes, found type %u and %zu bytes",
                             e.type, e.size);
    memcpy(v->array.name, e.data, e.size);
    v->array.name[e.size] = '\0';
    return LIP_OK;
}

/* The values, from columns to rows.  Text in a multi-byte code has no fixed size: it becomes OTHER. */
static lip_status read_values(const mat *m, span *s, value *v, value_kind kind) {
    element e;
    lip_status status = next_element(m, s, "values", &e);
    if (status != LIP_OK) return status;
    size_t rows = v->array.m.rows, cols = v->array.m.cols, item = item_size(e.type), count, bytes;
    bool fits = lip_multiply_sizes(rows, cols, &count) && lip_multiply_sizes(count, item, &bytes) &&
                item > 0 && bytes == e.size;
    if (!fits && kind == TEXT) return LIP_OK;
    if (!fits)
        return lip_fail_byte(m->err, LIP_FORMAT, e.offset,
                             "expected %zu x %zu values of '%s', found type %u and %zu bytes", rows,
                             cols, v->array.name, e.type, e.size);
    v->array.m.value = LIP_NEW(double, count);
    if (!v->array.m.value) return lip_fail_memory(m->err);
    for (size_t j = 0; count > 0 && j < cols; ++j)
        for (size_t i = 0; i < rows; ++i)
            v->array.m.value[i * cols + j] = number(m, e.type, e.data + (j * rows + i) * item);
    v->kind = kind;
    return LIP_OK;
}

static lip_status read_matrix(const mat *m, span s, bool inside_cell, value *v);

static lip_status read_cells(const mat *m, span *s, value *v) {
    size_t count, left = s->end - s->at;
    if (!lip_multiply_sizes(v->array.m.rows, v->array.m.cols, &count) || count > left / 8)
        return lip_fail_byte(m->err, LIP_FORMAT, s->origin + s->at,
                             "expected %zu x %zu cells of '%s', found %zu bytes", v->array.m.rows,
                             v->array.m.cols, v->array.name, left);
    v->cell = LIP_NEW(value, count);
    if (!v->cell) return lip_fail_memory(m->err);
    v->cells = count;
    v->kind = CELL;
    for (size_t i = 0; i < count; ++i) {
        element e;
        lip_status status = next_element(m, s, "a cell", &e);
        if (status == LIP_OK && e.type != MATRIX)
            status = lip_fail_byte(m->err, LIP_FORMAT, e.offset,
                                   "expected an array as cell %zu, found type %u", i + 1, e.type);
        span inner = {e.data, 0, e.size, e.offset + 8};
        if (status == LIP_OK) status = read_matrix(m, inner, true, &v->cell[i]);
        if (status != LIP_OK) return status;
        char *name = v->cell[i].array.name; /* cells have no names of their own */
        snprintf(name, LIP_NAME_SIZE, "%.32s{%zu}", v->array.name, i + 1);
    }
    return LIP_OK;
}

static lip_status read_class(const mat *m, span *s, unsigned class, bool complex, bool inside_cell,
                             value *v) {
    v->kind = OTHER;
    if (v->what) return LIP_OK;
    v->what = "an object";
    if (class == CLASS_CELL && !inside_cell) return read_cells(m, s, v);
    if (class == CLASS_CELL) v->what = "a cell array";
    if (class == CLASS_STRUCT) v->what = "a struct";
    if (class == CLASS_SPARSE) v->what = "a sparse matrix (save full(A) instead)";
    if (class == CLASS_FUNCTION) v->what = "a function";
    if (class >= CLASS_DOUBLE && class <= CLASS_UINT64) {
        v->what = "a complex matrix";
        return complex ? LIP_OK : read_values(m, s, v, NUMBERS);
    }
    if (class == CLASS_CHAR) {
        v->what = "a text";
        return read_values(m, s, v, TEXT);
    }
    return LIP_OK;
}

/* The contents of one miMATRIX. */
static lip_status read_matrix(const mat *m, span s, bool inside_cell, value *v) {
    element flags;
    v->what = NULL;
    if (s.end == 0) { /* the short form of an empty array */
        v->what = "an empty array";
        return LIP_OK;
    }
    lip_status status = next_element(m, &s, "array flags", &flags);
    if (status != LIP_OK) return status;
    if (flags.type != UINT32 || flags.size != 8)
        return lip_fail_byte(m->err, LIP_FORMAT, flags.offset,
                             "expected array flags of 8 bytes, found type %u and %zu bytes",
                             flags.type, flags.size);
    uint64_t word = load(m, flags.data, 4);
    unsigned class = (unsigned)(word & 0xff);
    if (class == CLASS_OPAQUE) { /* strings and tables have no dimensions, but a name */
        v->what = "an object";
        return read_name(m, &s, v);
    }
    status = read_dimensions(m, &s, v);
    if (status == LIP_OK) status = read_name(m, &s, v);
    if (status != LIP_OK) return status;
    return read_class(m, &s, class, (word & 0x800) != 0, inside_cell, v);
}

/* ---- Variables --------------------------------------------------------------------------- */

static lip_status add_variable(mat *m, const unsigned char *data, size_t size, size_t origin) {
    if (!lip_grow((void **)&m->variable, &m->capacity, m->count + 1, sizeof *m->variable))
        return lip_fail_memory(m->err);
    value *v = &m->variable[m->count++];
    memset(v, 0, sizeof *v);
    span s = {data, 0, size, origin};
    return read_matrix(m, s, false, v);
}

/* One variable, unpacked; places inside it count unpacked bytes, from the place of the element. */
static lip_status add_compressed(mat *m, const element *packed) {
    unsigned char *bytes;
    size_t size;
    char place[40];
    lip_error inner;
    lip_status status =
        lip_inflate(packed->data, packed->size, LIP_ZLIB, m->budget, &bytes, &size, &inner);
    snprintf(place, sizeof place, "byte %zu", packed->offset);
    if (status != LIP_OK) return lip_fail(m->err, status, place, "%s", inner.message);
    m->budget -= size;
    element e;
    span s = {bytes, 0, size, packed->offset};
    status = next_element(m, &s, "an array", &e);
    if (status == LIP_OK && (e.type != MATRIX || s.at != s.end))
        status =
            lip_fail(m->err, LIP_FORMAT, place,
                     "expected one array in the compressed data, found type %u and %zu more bytes",
                     e.type, s.end - s.at);
    if (status == LIP_OK) status = add_variable(m, e.data, e.size, e.offset + 8);
    free(bytes);
    return status;
}

static lip_status read_variables(mat *m, const lip_source *source) {
    span s = {source->bytes, 128, source->size, 0};
    lip_status status = LIP_OK;
    while (status == LIP_OK && s.at < s.end) {
        element e;
        status = next_element(m, &s, "a variable", &e);
        if (status != LIP_OK) return status;
        if (e.type == MATRIX)
            status = add_variable(m, e.data, e.size, e.offset + 8);
        else if (e.type == COMPRESSED)
            status = add_compressed(m, &e);
        else
            status = lip_fail_byte(m->err, LIP_FORMAT, e.offset,
                                   "expected an array or compressed data, found type %u", e.type);
    }
    return status;
}

static lip_status read_header(mat *m, const lip_source *source) {
    const unsigned char *p = source->bytes;
    if (source->size < 128)
        return lip_fail_byte(m->err, LIP_FORMAT, 0, "expected a header of 128 bytes, found %zu",
                             source->size);
    m->big_endian = p[126] == 'M' && p[127] == 'I';
    if (!m->big_endian && !(p[126] == 'I' && p[127] == 'M'))
        return lip_fail_byte(m->err, LIP_FORMAT, 126,
                             "expected the byte order 'IM' or 'MI', found %02x %02x", p[126],
                             p[127]);
    unsigned version = (unsigned)load(m, p + 124, 2);
    if (version != 0x100)
        return lip_fail_byte(m->err, LIP_UNSUPPORTED, 124,
                             "expected MAT-file version 1.0, found %u.%u", version >> 8,
                             version & 0xff);
    return LIP_OK;
}

/* ---- From variables to a network --------------------------------------------------------- */

static value *find(const mat *m, const char *name) {
    for (size_t i = 0; i < m->count; ++i)
        if (strcmp(m->variable[i].array.name, name) == 0) return &m->variable[i];
    return NULL;
}

static value *find_cells(const mat *m, const char *name, const char *other) {
    value *v = find(m, name);
    if (!v || v->kind != CELL) v = find(m, other);
    return v && v->kind == CELL ? v : NULL;
}

static const char *describe(const value *v) {
    return v->kind == NUMBERS ? "a matrix" : v->kind == CELL ? "a cell array" : v->what;
}

/* The text in row `row` of a character array, in lower case without blanks at its end. */
static void text_row(const value *v, size_t row, char *text, size_t size) {
    size_t used = 0;
    for (size_t j = 0; j < v->array.m.cols && used + 1 < size; ++j) {
        double code = v->array.m.value[row * v->array.m.cols + j];
        bool upper = code >= 'A' && code <= 'Z';
        text[used++] = code > 0 && code < 127 ? (char)(code + (upper ? 'a' - 'A' : 0)) : '?';
    }
    while (used > 0 && text[used - 1] == ' ') --used;
    text[used] = '\0';
}

/* Activation names, one per layer or one for all hidden layers, as a character array or as cells. */
static bool activation(const value *v, size_t layer, size_t layers, char *text, size_t size) {
    if (v->kind == CELL && v->cells == layers) v = &v->cell[layer], layer = 0, layers = 1;
    if (v->kind != TEXT || (v->array.m.rows != layers && v->array.m.rows != 1)) return false;
    text_row(v, v->array.m.rows == 1 ? 0 : layer, text, size);
    return true;
}

/* A file that names its activations must name ReLUs.  *last_relu: also behind the last layer. */
static lip_status check_activations(const mat *m, size_t layers, bool *last_relu) {
    static const char *const names[] = {"act_fcns", "activation_fcns", "activations", "activation"};
    *last_relu = false;
    for (size_t k = 0; k < sizeof names / sizeof *names; ++k) {
        const value *v = find(m, names[k]);
        for (size_t l = 0; v && l < layers; ++l) {
            char text[24];
            if (!activation(v, l, layers, text, sizeof text))
                return lip_fail(m->err, LIP_UNSUPPORTED, names[k],
                                "expected the names of %zu activations, found %s", layers,
                                describe(v));
            bool relu = strcmp(text, "relu") == 0 || strcmp(text, "poslin") == 0;
            bool linear = strcmp(text, "linear") == 0 || strcmp(text, "purelin") == 0;
            bool one_for_all = v->kind == TEXT && v->array.m.rows == 1 && layers > 1;
            if (!relu && (!linear || l + 1 < layers))
                return lip_fail(m->err, LIP_UNSUPPORTED, names[k],
                                "expected relu behind layer %zu, found '%s'", l + 1, text);
            if (l + 1 == layers) *last_relu = relu && !one_for_all;
        }
    }
    return LIP_OK;
}

static lip_status copy_cells(const mat *m, const value *cells, lip_named *array) {
    for (size_t i = 0; i < cells->cells; ++i) {
        const value *v = &cells->cell[i];
        if (v->kind != NUMBERS)
            return lip_fail(m->err, LIP_UNSUPPORTED, v->array.name, "expected a matrix, found %s",
                            describe(v));
        array[i] = v->array;
    }
    return LIP_OK;
}

static lip_status build_cells(mat *m, value *weights, const value *biases, lip_named *w,
                              lip_named *b, lip_network **net) {
    bool last_relu;
    size_t layers = weights->cells;
    if (biases && biases->cells != layers)
        return lip_fail(m->err, LIP_FORMAT, biases->array.name,
                        "expected %zu cells, as many as %s has, found %zu", layers,
                        weights->array.name, biases->cells);
    lip_status status = copy_cells(m, weights, w);
    if (status == LIP_OK && biases) status = copy_cells(m, biases, b);
    if (status == LIP_OK) status = check_activations(m, layers, &last_relu);
    if (status != LIP_OK) return status;
    status = lip_build_oriented(layers, w, b, last_relu, "mat", net, m->err);
    for (size_t i = 0; i < layers; ++i) weights->cell[i].array.m = w[i].m; /* maybe transposed */
    return status;
}

static void list_variables(const mat *m, char *text, size_t size) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < m->count; ++i) {
        const value *v = &m->variable[i];
        if (used + strlen(v->array.name) + strlen(describe(v)) + 8 > size) break;
        used += (size_t)snprintf(text + used, size - used, "%s%s (%s)", used ? ", " : "",
                                 v->array.name, describe(v));
    }
}

/* Matrices by their names.  The variables keep their values; only their descriptions are copied. */
static lip_status build_matrices(mat *m, lip_network **net) {
    char found[240];
    list_variables(m, found, sizeof found);
    lip_named *array = LIP_NEW(lip_named, m->count);
    if (!array) return lip_fail_memory(m->err);
    lip_status status = LIP_OK;
    for (size_t i = 0; status == LIP_OK && i < m->count; ++i) {
        const value *v = &m->variable[i];
        if (v->kind == NUMBERS)
            array[i] = v->array;
        else if (lip_is_network_name(v->array.name))
            status = lip_fail(m->err, LIP_UNSUPPORTED, v->array.name, "expected a matrix, found %s",
                              describe(v));
        else
            memcpy(array[i].name, v->array.name, sizeof array[i].name);
    }
    if (status == LIP_OK) status = lip_build_named(array, m->count, found, "mat", net, m->err);
    for (size_t i = 0; i < m->count; ++i)
        if (m->variable[i].kind == NUMBERS && array[i].m.value) m->variable[i].array.m = array[i].m;
    free(array);
    return status;
}

static lip_status build(mat *m, lip_network **net) {
    value *weights = find_cells(m, "weights", "W"), *biases = find_cells(m, "biases", "b");
    if (!weights && biases)
        return lip_fail(m->err, LIP_FORMAT, biases->array.name,
                        "expected weights beside the biases: this file holds biases only");
    if (!weights) return build_matrices(m, net);
    for (size_t i = 0; i < m->count; ++i)
        if (&m->variable[i] != weights && &m->variable[i] != biases &&
            lip_looks_like_parameter(m->variable[i].array.name))
            return lip_fail(m->err, LIP_FORMAT, m->variable[i].array.name,
                            "expected no variable of this name beside %s, because it looks like a "
                            "parameter but would not be used",
                            weights->array.name);
    lip_named *w = LIP_NEW(lip_named, weights->cells), *b = LIP_NEW(lip_named, weights->cells);
    lip_status status =
        w && b ? build_cells(m, weights, biases, w, b, net) : lip_fail_memory(m->err);
    free(w);
    free(b);
    return status;
}

lip_status lip_read_mat(const lip_source *source, lip_network **net, lip_error *err) {
    mat m = {.budget = lip_inflate_limit(source->size), .err = err};
    lip_status status = read_header(&m, source);
    if (status == LIP_OK) status = read_variables(&m, source);
    if (status == LIP_OK) status = build(&m, net);
    for (size_t i = 0; i < m.count; ++i) clear_value(&m.variable[i]);
    free(m.variable);
    return status;
}
