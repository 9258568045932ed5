/* The operators of ONNX: which are read, and why the others are not. */
#include "base/error.h"
#include "read/onnx_graph.h"

#include <stdlib.h>
#include <string.h>

typedef lip_status (*operation)(lip_node *n);

#define ANY_NUMBER SIZE_MAX

/* Which inputs an operator has depends on the opset: the last row of a name with since <= opset holds.
 * Inputs beyond `inputs` are refused, since they would mean something that is not read here (axes that
 * came as an attribute in that opset, for instance). */
static const struct form {
    const char *name;
    int64_t since;
    size_t inputs; /* at most */
    operation run;
} SUPPORTED[] = {
    {"Add", 1, 2, lip_onnx_add},
    {"AveragePool", 1, 1, lip_onnx_average_pool},
    {"BatchNormalization", 1, 5, lip_onnx_batch_norm},
    {"Cast", 1, 1, lip_onnx_cast},
    {"Concat", 1, ANY_NUMBER, lip_onnx_concat},
    {"Constant", 1, 0, lip_onnx_constant_node},
    {"ConstantOfShape", 1, 1, lip_onnx_constant_of_shape},
    {"Conv", 1, 3, lip_onnx_conv},
    {"Div", 1, 2, lip_onnx_div},
    {"Dropout", 1, 1, lip_onnx_dropout},
    {"Dropout", 12, 3, lip_onnx_dropout},
    {"Flatten", 1, 1, lip_onnx_flatten},
    {"Gather", 1, 2, lip_onnx_gather},
    {"Gemm", 1, 3, lip_onnx_gemm},
    {"GlobalAveragePool", 1, 1, lip_onnx_global_average_pool},
    {"Identity", 1, 1, lip_onnx_identity},
    {"MatMul", 1, 2, lip_onnx_matmul},
    {"Mul", 1, 2, lip_onnx_mul},
    {"Neg", 1, 1, lip_onnx_neg},
    {"Pad", 1, 1, lip_onnx_pad},
    {"Pad", 11, 3, lip_onnx_pad},
    {"Pad", 18, 4, lip_onnx_pad},
    {"ReduceMean", 1, 1, lip_onnx_reduce_mean},
    {"ReduceMean", 18, 2, lip_onnx_reduce_mean},
    {"ReduceSum", 1, 1, lip_onnx_reduce_sum},
    {"ReduceSum", 13, 2, lip_onnx_reduce_sum},
    {"Relu", 1, 1, lip_onnx_relu},
    {"Reshape", 1, 1, lip_onnx_reshape},
    {"Reshape", 5, 2, lip_onnx_reshape},
    {"Shape", 1, 1, lip_onnx_shape},
    {"Slice", 1, 1, lip_onnx_slice},
    {"Slice", 10, 5, lip_onnx_slice},
    {"Split", 1, 1, lip_onnx_split},
    {"Split", 13, 2, lip_onnx_split},
    {"Squeeze", 1, 1, lip_onnx_squeeze},
    {"Squeeze", 13, 2, lip_onnx_squeeze},
    {"Sub", 1, 2, lip_onnx_sub},
    {"Sum", 1, ANY_NUMBER, lip_onnx_sum},
    {"Transpose", 1, 1, lip_onnx_transpose},
    {"Unsqueeze", 1, 1, lip_onnx_unsqueeze},
    {"Unsqueeze", 13, 2, lip_onnx_unsqueeze},
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

static const struct form *find_form(const char *name, int64_t opset) {
    const struct form *found = NULL;
    for (size_t i = 0; i < sizeof SUPPORTED / sizeof *SUPPORTED; ++i)
        if (strcmp(name, SUPPORTED[i].name) == 0 && SUPPORTED[i].since <= opset)
            found = &SUPPORTED[i];
    return found;
}

/* An empty name means absent, and changes nothing. */
static lip_status check_inputs(lip_node *n, const struct form *form) {
    for (size_t i = form->inputs; i < n->proto->n_input; ++i)
        if (lip_node_has(n, i))
            return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                            "expected at most %zu input%s for this operator in opset %lld, found "
                            "%zu",
                            form->inputs, form->inputs == 1 ? "" : "s", (long long)n->opset,
                            n->proto->n_input);
    return LIP_OK;
}

lip_status lip_operator_run(lip_node *n) {
    const char *name = n->proto->op_type ? n->proto->op_type : "";
    const char *domain = n->proto->domain ? n->proto->domain : "";
    if (*domain && strcmp(domain, "ai.onnx") != 0)
        return lip_fail(n->affine->err, LIP_UNSUPPORTED, NULL,
                        "the operator %.60s of the domain '%.60s' is not supported", name, domain);
    const struct form *form = find_form(name, n->opset);
    if (!form) return refuse(n, name);
    LIP_TRY(check_inputs(n, form));
    if (n->opset < 6) lip_node_ignore(n, "consumed_inputs"); /* an optimisation of 2017 */
    return form->run(n);
}
