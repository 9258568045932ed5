/* The operators of ONNX: which are read, and why the others are not. */
#include "base/error.h"
#include "read/onnx_graph.h"

#include <stdlib.h>
#include <string.h>

typedef lip_status (*operation)(lip_node *n);

static const struct {
    const char *name;
    operation run;
} SUPPORTED[] = {
    {"Add", lip_onnx_add},
    {"AveragePool", lip_onnx_average_pool},
    {"BatchNormalization", lip_onnx_batch_norm},
    {"Cast", lip_onnx_cast},
    {"Concat", lip_onnx_concat},
    {"Constant", lip_onnx_constant_node},
    {"ConstantOfShape", lip_onnx_constant_of_shape},
    {"Conv", lip_onnx_conv},
    {"Div", lip_onnx_div},
    {"Dropout", lip_onnx_dropout},
    {"Flatten", lip_onnx_flatten},
    {"Gather", lip_onnx_gather},
    {"Gemm", lip_onnx_gemm},
    {"GlobalAveragePool", lip_onnx_global_average_pool},
    {"Identity", lip_onnx_identity},
    {"MatMul", lip_onnx_matmul},
    {"Mul", lip_onnx_mul},
    {"Neg", lip_onnx_neg},
    {"Pad", lip_onnx_pad},
    {"ReduceMean", lip_onnx_reduce_mean},
    {"ReduceSum", lip_onnx_reduce_sum},
    {"Relu", lip_onnx_relu},
    {"Reshape", lip_onnx_reshape},
    {"Shape", lip_onnx_shape},
    {"Slice", lip_onnx_slice},
    {"Split", lip_onnx_split},
    {"Squeeze", lip_onnx_squeeze},
    {"Sub", lip_onnx_sub},
    {"Sum", lip_onnx_sum},
    {"Transpose", lip_onnx_transpose},
    {"Unsqueeze", lip_onnx_unsqueeze},
};

/* Piecewise linear, so that they could be written with ReLUs. */
static const char *const LATER[] = {
    "Abs",     "Clip",          "HardSigmoid", "LeakyRelu", "Max",       "Min",
    "MaxPool", "GlobalMaxPool", "PRelu",       "ReduceMax", "ReduceMin", "ThresholdedRelu",
};

/* Not piecewise linear. */
static const char *const CURVED[] = {
    "Acos",
    "Acosh",
    "Asin",
    "Asinh",
    "Atan",
    "Atanh",
    "Celu",
    "Cos",
    "Cosh",
    "Elu",
    "Erf",
    "Exp",
    "Gelu",
    "HardSwish",
    "GRU",
    "Hardmax",
    "LayerNormalization",
    "InstanceNormalization",
    "LRN",
    "LSTM",
    "Log",
    "LpNormalization",
    "Mish",
    "Pow",
    "RNN",
    "Reciprocal",
    "ReduceL2",
    "ReduceSumSquare",
    "Selu",
    "Sigmoid",
    "Sin",
    "Sinh",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Swish",
    "Tan",
    "Tanh",
};

static bool is_listed(const char *name, const char *const *list, size_t count) {
    for (size_t i = 0; i < count; ++i)
        if (strcmp(name, list[i]) == 0) return true;
    return false;
}
#define IS_LISTED(name, list) is_listed(name, list, sizeof(list) / sizeof *(list))

static lip_status refuse(lip_node *n, const char *name) {
    lip_error *err = n->affine->err;
    if (strcmp(name, "Softmax") == 0 || strcmp(name, "LogSoftmax") == 0)
        return lip_fail(err, LIP_UNSUPPORTED, NULL,
                        "the operator %s is not piecewise linear; if it ends the network, strip it "
                        "by making its input '%.80s' the output",
                        name, n->proto->n_input ? n->proto->input[0] : "");
    if (IS_LISTED(name, LATER))
        return lip_fail(err, LIP_UNSUPPORTED, NULL, "the operator %s is not supported yet", name);
    if (IS_LISTED(name, CURVED))
        return lip_fail(err, LIP_UNSUPPORTED, NULL,
                        "the operator %s is not piecewise linear, so it is not supported", name);
    return lip_fail(err, LIP_UNSUPPORTED, NULL, "the operator %.60s is not supported", name);
}

lip_status lip_operator_run(lip_node *n) {
    const char *name = n->proto->op_type ? n->proto->op_type : "";
    const char *domain = n->proto->domain ? n->proto->domain : "";
    if (*domain && strcmp(domain, "ai.onnx") != 0)
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "the operator %.60s of the domain '%.60s' is not supported", name, domain);
    if (n->opset < 6) lip_node_ignore(n, "consumed_inputs"); /* an optimisation of 2017 */
    for (size_t i = 0; i < sizeof SUPPORTED / sizeof *SUPPORTED; ++i)
        if (strcmp(name, SUPPORTED[i].name) == 0) return SUPPORTED[i].run(n);
    return refuse(n, name);
}
