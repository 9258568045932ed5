/* ONNX: from bytes to a decoded graph.
 *
 * protobuf-c decodes the schema of onnx.proto.  Its memory comes from an allocator that counts, since
 * a two-byte submessage becomes a structure of a hundred and more: a file may take EXPANSION times its
 * size, which real models stay far below. */
#include "base/error.h"
#include "base/memory.h"
#include "read/onnx_graph.h"

#include <stdlib.h>
#include <string.h>

#define EXPANSION 64
#define HEADROOM  ((size_t)1 << 20)

/* IR 3 (2017) is the first with opset versions as used here. */
#define OLDEST_IR 3

/* The newest opset whose operators were compared with what the reader does (ONNX 1.23).  A later one
 * may change what a node means. */
#define NEWEST_OPSET 28

typedef struct allowance {
    size_t left;
    bool exhausted, failed;
} allowance;

static void *counted_alloc(void *data, size_t size) {
    allowance *allowed = data;
    if (size > allowed->left) {
        allowed->exhausted = true;
        return NULL;
    }
    void *memory = lip_alloc(size, 1);
    if (memory) allowed->left -= size;
    if (!memory) allowed->failed = true;
    return memory;
}

static void counted_free(void *data, void *memory) {
    (void)data;
    free(memory);
}

static bool is_standard(const char *domain) {
    return !domain || !*domain || strcmp(domain, "ai.onnx") == 0;
}

static lip_status find_opset(const LipOnnx__Model *model, int64_t *opset, lip_error *err) {
    *opset = 0;
    bool found = false;
    for (size_t i = 0; i < model->n_opset_import; ++i) {
        const LipOnnx__OperatorSet *set = model->opset_import[i];
        if (!is_standard(set->domain)) continue;
        if (found && set->version != *opset)
            return lip_fail(err, LIP_FORMAT, "model",
                            "expected one version of the standard operator set, found %lld and "
                            "%lld",
                            (long long)*opset, (long long)set->version);
        *opset = set->version;
        found = true;
    }
    if (*opset < 1)
        return lip_fail(err, LIP_FORMAT, "model",
                        "expected the version of the standard operator set, found %s",
                        model->n_opset_import ? "none that is positive" : "no operator set");
    if (*opset > NEWEST_OPSET)
        return lip_fail(err, LIP_UNSUPPORTED, "model",
                        "the standard operator set is read up to version %d, this model needs %lld",
                        NEWEST_OPSET, (long long)*opset);
    return LIP_OK;
}

static lip_status run_model(const LipOnnx__Model *model, const lip_source *source,
                            lip_network **net, lip_error *err) {
    int64_t opset;
    if (model->n_graph != 1)
        return lip_fail(err, LIP_FORMAT, "model", "expected one graph, found %zu", model->n_graph);
    if (model->ir_version < OLDEST_IR)
        return lip_fail(err, LIP_UNSUPPORTED, "model",
                        "ONNX models of IR version %d and later are read, this one says %lld",
                        OLDEST_IR, (long long)model->ir_version);
    LIP_TRY(find_opset(model, &opset, err));
    if (model->graph[0]->n_sparse_initializer > 0)
        return lip_fail(err, LIP_UNSUPPORTED, "graph", "sparse initialisers are not supported");
    return lip_graph_run(model->graph[0], opset, source, net, err);
}

lip_status lip_read_onnx(const lip_source *source, lip_network **net, lip_error *err) {
    lip_error unwanted;
    if (!err) err = &unwanted;
    allowance allowed = {0, false, false};
    if (!lip_multiply_sizes(source->size, EXPANSION, &allowed.left)) allowed.left = SIZE_MAX / 2;
    allowed.left += HEADROOM;
    ProtobufCAllocator allocator = {counted_alloc, counted_free, &allowed};
    LipOnnx__Model *model = lip_onnx__model__unpack(&allocator, source->size, source->bytes);
    if (!model && allowed.failed) return lip_fail_memory(err);
    if (!model && allowed.exhausted)
        return lip_fail(err, LIP_FORMAT, NULL,
                        "the file would take more than %d times its size in memory, no ONNX model "
                        "does that",
                        EXPANSION);
    if (!model)
        return lip_fail(err, LIP_FORMAT, NULL,
                        "expected an ONNX model, but the bytes are not a protocol buffer of that "
                        "kind (cut short or damaged?)");
    lip_status status = run_model(model, source, net, err);
    lip_onnx__model__free_unpacked(model, &allocator);
    return status;
}
