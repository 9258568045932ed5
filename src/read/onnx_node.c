/* A node of an ONNX graph as its operator sees it: inputs, outputs, attributes. */
#include "read/onnx_graph.h"

#include "base/error.h"
#include "base/memory.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *lip_node_memory(lip_node *n, size_t count, size_t size) {
    void *memory = NULL;
    if (lip_grow((void **)&n->scratch, &n->scratch_capacity, n->nscratch + 1, sizeof *n->scratch))
        memory = lip_alloc(count, size);
    if (memory)
        n->scratch[n->nscratch++] = memory;
    else
        lip_fail_memory(n->affine->err);
    return memory;
}

/* ---- Inputs ---------------------------------------------------------------------------------- */

bool lip_node_has(const lip_node *n, size_t i) {
    return i < n->proto->n_input && *n->proto->input[i];
}

/* The value behind input i, with its tensor there. */
static lip_status find_input(lip_node *n, size_t i, lip_value **v) {
    lip_error *err = n->affine->err;
    if (!lip_node_has(n, i))
        return lip_fail(err, LIP_FORMAT, NULL, "expected an input number %zu, found %zu", i + 1,
                        n->proto->n_input);
    *v = lip_graph_find(n->graph, n->proto->input[i]);
    lip_graph *g = n->graph;
    if ((*v)->kind == LIP_VALUE_INITIALISER && !(*v)->ready) {
        lip_status status = lip_onnx_constant(
            n->affine, g->source, g->proto->initializer[(*v)->index], &g->external, &(*v)->tensor);
        if (status != LIP_OK && status != LIP_OUT_OF_MEMORY) {
            char place[160], message[sizeof err->message];
            snprintf(place, sizeof place, "initialiser '%.80s'", (*v)->name);
            memcpy(message, err->message, sizeof message);
            lip_record(err, status, place, "%s", message);
        }
        if (status != LIP_OK) return status;
        (*v)->ready = true;
    }
    if (!(*v)->ready)
        return lip_fail(err, LIP_UNSUPPORTED, NULL,
                        "its input '%.80s' is an output that is not supported", (*v)->name);
    return LIP_OK;
}

lip_status lip_node_look(lip_node *n, size_t i, const lip_tensor **t) {
    lip_value *v;
    LIP_TRY(find_input(n, i, &v));
    *t = &v->tensor;
    return LIP_OK;
}

lip_status lip_node_new(lip_node *n, lip_tensor **t) {
    if (n->nheld == n->capacity)
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL, "the node makes too many tensors");
    *t = &n->held[n->nheld++];
    return LIP_OK;
}

lip_status lip_node_take(lip_node *n, size_t i, lip_tensor **t) {
    lip_value *v;
    LIP_TRY(find_input(n, i, &v));
    LIP_TRY(lip_node_new(n, t));
    if (v->uses > 1) {
        (*t)->type = v->tensor.type;
        (*t)->shape = v->tensor.shape;
        return lip_expression_copy(n->affine, &v->tensor.e, &(*t)->e);
    }
    **t = v->tensor; /* the shape stays behind for Shape nodes */
    memset(&v->tensor.e, 0, sizeof v->tensor.e);
    return LIP_OK;
}

lip_status lip_node_numbers(lip_node *n, size_t i, const double **value, size_t *count) {
    const lip_tensor *t;
    LIP_TRY(lip_node_look(n, i, &t));
    if (!lip_expression_is_constant(&t->e))
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "input %zu must be a constant, but it depends on the network's input",
                        i + 1);
    *count = t->e.size;
    *value = t->e.constant;
    if (!*value) *value = lip_node_memory(n, t->e.size, sizeof(double));
    return *value ? LIP_OK : LIP_OUT_OF_MEMORY;
}

static int64_t to_integer(double v) {
    return v >= 0x1p63 ? INT64_MAX : v <= -0x1p63 ? INT64_MIN : (int64_t)v;
}

lip_status lip_node_integers(lip_node *n, size_t i, const int64_t **value, size_t *count) {
    const double *number;
    const lip_tensor *t;
    LIP_TRY(lip_node_numbers(n, i, &number, count));
    LIP_TRY(lip_node_look(n, i, &t));
    if (!lip_type_is_integer(t->type))
        return lip_fail(n->affine->err, LIP_FORMAT, NULL, "input %zu must hold integers, found %s",
                        i + 1, lip_type_name(t->type));
    int64_t *integer = lip_node_memory(n, *count, sizeof *integer);
    if (!integer) return LIP_OUT_OF_MEMORY;
    for (size_t k = 0; k < *count; ++k) integer[k] = to_integer(number[k]);
    *value = integer;
    return LIP_OK;
}

/* ---- Outputs --------------------------------------------------------------------------------- */

lip_status lip_node_count(lip_node *n, const lip_shape *shape, size_t *count) {
    size_t limit = LIP_ELEMENT_LIMIT + n->graph->source->size + n->graph->external;
    if (!lip_shape_count(shape, limit, count))
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "a tensor of shape %s is too large (limit %zu elements)",
                        lip_shape_text(shape).text, limit);
    return LIP_OK;
}

lip_status lip_node_zeros(lip_node *n, int32_t type, const lip_shape *shape, lip_tensor **t) {
    size_t count;
    LIP_TRY(lip_node_count(n, shape, &count));
    LIP_TRY(lip_node_new(n, t));
    (*t)->type = type;
    (*t)->shape = *shape;
    return lip_expression_zeros(n->affine, &(*t)->e, count);
}

static lip_status check_integers(lip_node *n, const lip_tensor *t) {
    double kept;
    for (size_t i = 0; !lip_type_is_float(t->type) && i < t->e.size; ++i)
        if (!lip_type_convert(t->type, lip_expression_value(&t->e, i), &kept) ||
            kept != lip_expression_value(&t->e, i))
            return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                            "the constant %g does not fit in %s", lip_expression_value(&t->e, i),
                            lip_type_name(t->type));
    return LIP_OK;
}

lip_status lip_node_give(lip_node *n, size_t k, lip_tensor *t) {
    size_t count;
    LIP_TRY(lip_node_count(n, &t->shape, &count));
    if (count != t->e.size)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "%zu elements do not make a tensor of shape %s", t->e.size,
                        lip_shape_text(&t->shape).text);
    if (count == 0 && !lip_expression_is_constant(&t->e))
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL, "the result has no elements");
    LIP_TRY(check_integers(n, t));
    LIP_TRY(lip_affine_spend(n->affine, count / 32)); /* the time of looking at every element */
    lip_value *v = k < n->proto->n_output ? lip_graph_find(n->graph, n->proto->output[k]) : NULL;
    if (!v || !*v->name) return LIP_OK; /* nobody wants it */
    v->tensor = *t;
    v->ready = true;
    memset(&t->e, 0, sizeof t->e);
    return LIP_OK;
}

/* ---- Attributes ------------------------------------------------------------------------------ */

enum { MOST_ATTRIBUTES = 64 }; /* bits of read_attributes */

/* AttributeProto.AttributeType */
enum { IS_FLOAT = 1, IS_INT = 2, IS_STRING = 3, IS_TENSOR = 4, IS_FLOATS = 6, IS_INTS = 7 };

static const char *type_name(int type) {
    switch (type) {
    case IS_FLOAT: return "a float";
    case IS_INT: return "an integer";
    case IS_STRING: return "a string";
    case IS_TENSOR: return "a tensor";
    case IS_FLOATS: return "a list of floats";
    case IS_INTS: return "a list of integers";
    default: return "something else";
    }
}

/* Fields of AttributeProto that the schema leaves out and that hold values: g, strings, tensors,
 * graphs, tp, type_protos, sparse_tensor, sparse_tensors. */
static bool is_value_field(uint32_t tag) {
    return tag == 6 || (tag >= 9 && tag <= 11) || tag == 14 || tag == 15 || tag == 22 || tag == 23;
}

/* The number of fields of an attribute that hold a value, and whether that of `type` does. */
static size_t count_values(const LipOnnx__Attribute *a, int type, bool *holds) {
    const struct {
        int type;
        bool there;
    } field[] = {{IS_FLOAT, a->has_f},          {IS_INT, a->has_i},
                 {IS_STRING, a->has_s},         {IS_TENSOR, a->n_t != 0},
                 {IS_FLOATS, a->n_floats != 0}, {IS_INTS, a->n_ints != 0}};
    size_t count = 0;
    *holds = false;
    for (size_t i = 0; i < sizeof field / sizeof *field; ++i) {
        count += field[i].there;
        *holds = *holds || (field[i].there && field[i].type == type);
    }
    for (size_t i = 0; i < a->base.n_unknown_fields; ++i)
        count += is_value_field(a->base.unknown_fields[i].tag);
    return count;
}

/* One value, in the field of its type.  No value at all is 0 or empty if the type is stated: writers
 * that follow protocol buffers 3 leave such values out. */
static lip_status check_value(lip_node *n, const LipOnnx__Attribute *a, int type) {
    bool holds;
    size_t values = count_values(a, type, &holds);
    if (values > 1)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "attribute '%.60s' must hold one value, found %zu", a->name, values);
    if (!holds && (values > 0 || !a->has_type))
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "attribute '%.60s' must hold %s, found %s", a->name, type_name(type),
                        values ? "a value of another type" : "no value");
    return LIP_OK;
}

/* The attribute of a name, marked as understood; NULL if there is none. */
static lip_status find_attribute(lip_node *n, const char *name, int type,
                                 const LipOnnx__Attribute **found) {
    *found = NULL;
    for (size_t i = 0; i < n->proto->n_attribute; ++i) {
        const LipOnnx__Attribute *a = n->proto->attribute[i];
        if (!a->name || strcmp(a->name, name) != 0) continue;
        n->read_attributes |= (uint64_t)1 << i;
        if (a->has_type && a->type != type)
            return lip_fail(n->affine->err, LIP_FORMAT, NULL, "attribute '%s' must be %s, found %s",
                            name, type_name(type), type_name(a->type));
        if (a->ref_attr_name && *a->ref_attr_name)
            return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                            "attribute '%s' refers to a function's attribute", name);
        LIP_TRY(check_value(n, a, type));
        *found = a;
    }
    return LIP_OK;
}

lip_status lip_node_int(lip_node *n, const char *name, int64_t otherwise, int64_t *value) {
    const LipOnnx__Attribute *a;
    LIP_TRY(find_attribute(n, name, IS_INT, &a));
    *value = !a ? otherwise : a->has_i ? a->i : 0;
    return LIP_OK;
}

lip_status lip_node_float(lip_node *n, const char *name, double otherwise, double *value) {
    const LipOnnx__Attribute *a;
    LIP_TRY(find_attribute(n, name, IS_FLOAT, &a));
    *value = !a ? otherwise : a->has_f ? (double)a->f : 0;
    if (!isfinite(*value))
        return lip_fail(n->affine->err, LIP_FORMAT, NULL, "attribute '%s' is not a finite number",
                        name);
    return LIP_OK;
}

lip_status lip_node_ints(lip_node *n, const char *name, const int64_t **value, size_t *count) {
    const LipOnnx__Attribute *a;
    static const int64_t none = 0;
    LIP_TRY(find_attribute(n, name, IS_INTS, &a));
    *value = !a ? NULL : a->n_ints ? a->ints : &none;
    *count = a ? a->n_ints : 0;
    return LIP_OK;
}

lip_status lip_node_floats(lip_node *n, const char *name, const float **value, size_t *count) {
    const LipOnnx__Attribute *a;
    static const float none = 0;
    LIP_TRY(find_attribute(n, name, IS_FLOATS, &a));
    *value = !a ? NULL : a->n_floats ? a->floats : &none;
    *count = a ? a->n_floats : 0;
    return LIP_OK;
}

lip_status lip_node_string(lip_node *n, const char *name, char *text, size_t size) {
    const LipOnnx__Attribute *a = NULL;
    LIP_TRY(find_attribute(n, name, IS_STRING, &a));
    size_t length = a ? a->s.len : 0;
    if (length >= size) length = size - 1;
    if (a && length) memcpy(text, a->s.data, length);
    text[length] = '\0';
    return LIP_OK;
}

lip_status lip_node_attached(lip_node *n, const char *name, const LipOnnx__Tensor **proto) {
    const LipOnnx__Attribute *a;
    *proto = NULL;
    LIP_TRY(find_attribute(n, name, IS_TENSOR, &a));
    if (a && a->n_t != 1)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "attribute '%s' must hold one tensor, found %zu", name, a->n_t);
    if (a) *proto = a->t[0];
    return LIP_OK;
}

void lip_node_ignore(lip_node *n, const char *name) {
    for (size_t i = 0; i < n->proto->n_attribute; ++i)
        if (n->proto->attribute[i]->name && strcmp(n->proto->attribute[i]->name, name) == 0)
            n->read_attributes |= (uint64_t)1 << i;
}

static const char *attribute_name(const lip_node *n, size_t i) {
    return n->proto->attribute[i]->name ? n->proto->attribute[i]->name : "";
}

lip_status lip_node_check_names(lip_node *n) {
    if (n->proto->n_attribute > MOST_ATTRIBUTES)
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "expected at most %d attributes, found %zu", MOST_ATTRIBUTES,
                        n->proto->n_attribute);
    for (size_t i = 0; i < n->proto->n_attribute; ++i)
        for (size_t k = 0; k < i; ++k)
            if (strcmp(attribute_name(n, i), attribute_name(n, k)) == 0)
                return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                                "attribute '%.60s' is given twice", attribute_name(n, i));
    return LIP_OK;
}

lip_status lip_node_check_attributes(lip_node *n) {
    for (size_t i = 0; i < n->proto->n_attribute; ++i)
        if (!(n->read_attributes >> i & 1))
            return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                            "attribute '%.60s' is not known for this operator in opset %lld",
                            attribute_name(n, i), (long long)n->opset);
    return LIP_OK;
}

/* ---- Axes and index maps --------------------------------------------------------------------- */

lip_status lip_node_axis(lip_node *n, int64_t axis, size_t rank, size_t *out) {
    int64_t r = (int64_t)rank;
    if (axis < -r || axis >= r)
        return lip_fail(n->affine->err, LIP_FORMAT, NULL,
                        "axis %lld is outside a tensor with %zu dimensions", (long long)axis, rank);
    *out = (size_t)(axis < 0 ? axis + r : axis);
    return LIP_OK;
}

lip_status lip_node_list(lip_node *n, int64_t since, size_t i, const char *name,
                         const int64_t **value, size_t *count) {
    *value = NULL;
    *count = 0;
    if (n->opset < since) return lip_node_ints(n, name, value, count);
    return lip_node_has(n, i) ? lip_node_integers(n, i, value, count) : LIP_OK;
}

lip_status lip_node_axes(lip_node *n, int64_t since, size_t i, const char *name, size_t rank,
                         bool *given, bool flag[LIP_RANK]) {
    const int64_t *axis = NULL;
    size_t count = 0, k = 0;
    LIP_TRY(lip_node_list(n, since, i, name, &axis, &count));
    memset(flag, 0, LIP_RANK * sizeof *flag);
    *given = axis != NULL && count > 0;
    for (size_t j = 0; *given && j < count; ++j) {
        LIP_TRY(lip_node_axis(n, axis[j], rank, &k));
        if (flag[k])
            return lip_fail(n->affine->err, LIP_FORMAT, NULL, "axis %zu is given twice", k);
        flag[k] = true;
    }
    return LIP_OK;
}

lip_status lip_node_walk(lip_node *n, const lip_shape *shape, size_t base, const ptrdiff_t *stride,
                         const size_t **index) {
    size_t count;
    LIP_TRY(lip_node_count(n, shape, &count));
    LIP_TRY(lip_affine_spend(n->affine, count));
    size_t *made = lip_node_memory(n, count, sizeof *made);
    if (!made) return LIP_OUT_OF_MEMORY;
    lip_shape_walk(shape, base, stride, made);
    *index = made;
    return LIP_OK;
}

lip_status lip_node_broadcast(lip_node *n, const lip_shape *from, const lip_shape *to,
                              const size_t **index) {
    size_t strides[LIP_RANK];
    ptrdiff_t stride[LIP_RANK] = {0};
    lip_shape_strides(from, strides);
    for (size_t k = 0; k < from->rank; ++k)
        if (from->dim[k] != 1) stride[k + to->rank - from->rank] = (ptrdiff_t)strides[k];
    return lip_node_walk(n, to, 0, stride, index);
}
