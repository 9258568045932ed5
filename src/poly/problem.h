/* The Lipschitz problem of a network as a polynomial optimisation problem.
 *
 *     maximise F(p)   over   p = (t, u, w, x', h', z')   with   factors(p) >= 0,  equalities(p) = 0
 *
 * t: the direction at the input, u: the phases of the unstable neurons, w: the dual vector at the
 * output, x', h', z': the point, the values of inner neurons and pre-activations, scaled so that
 * every variable is in [-1, 1] on true points.  src/poly/problem.c has the formulas; the section
 * "Statement identity" of docs/certificate.md says which numbers variables and factors have. */
#ifndef LIP_POLY_PROBLEM_H
#define LIP_POLY_PROBLEM_H

#include "net/network.h"
#include "poly/polynomial.h"
#include "region/preactivation.h"

#define LIP_ABSENT ((size_t)-1)

typedef enum lip_ring_kind {
    LIP_RING_T, /* index: the input */
    LIP_RING_U, /* layer and index: the neuron */
    LIP_RING_W, /* index: the row of S */
    LIP_RING_X, /* index: the input */
    LIP_RING_H, /* layer and index: the neuron; h = most h' */
    LIP_RING_Z  /* the same; z = size z' */
} lip_ring_kind;

typedef struct lip_ring_variable {
    lip_ring_kind kind;
    size_t layer, index;
} lip_ring_variable;

/* An unstable neuron whose pre-activation is known, or a *kept* one: active, with a variable h all
 * the same. */
typedef struct lip_gate {
    size_t layer, neuron;
    size_t u, h, z; /* variables; h and z may be LIP_ABSENT, u is if the gate is kept */
    double least,
        most;       /* least <= z <= most on the region; 0 < most, and least < 0 if there is a u */
    double size;    /* a power of two >= -least, most */
    lip_poly value; /* z, linear in x' and h' */
} lip_gate;

typedef enum lip_factor_kind {                    /* number: of a variable, of a gate, or 0 */
                               LIP_FACTOR_PLUS,   /* 1 + p */
                               LIP_FACTOR_MINUS,  /* 1 - p */
                               LIP_FACTOR_ON,     /* p, of u */
                               LIP_FACTOR_OFF,    /* 1 - p, of u */
                               LIP_FACTOR_SQUARE, /* 1 - p^2 */
                               LIP_FACTOR_TBALL,  /* 1 - sum t^2 */
                               LIP_FACTOR_WBALL,  /* 1 - sum w^2 */
                               LIP_FACTOR_XBALL,  /* 1 - sum x'^2 */
                               LIP_FACTOR_ABOVE,  /* u z */
                               LIP_FACTOR_BELOW,  /* (u - 1) z */
                               LIP_FACTOR_HALF,   /* (u - 1/2) z */
                               LIP_FACTOR_EXCESS, /* h - z */
                               LIP_FACTOR_STATE,  /* h' */
                               LIP_FACTOR_ROOM,   /* 1 - h' */
                               LIP_FACTOR_BASE,   /* h - least, of a kept gate */
                               LIP_FACTOR_TOP,    /* most - z */
                               LIP_FACTOR_BOTTOM, /* z - least */
                               LIP_FACTORS
} lip_factor_kind;

/* In the factors of a gate that has z', z is size z'; otherwise it is the gate's value. */
typedef struct lip_factor {
    lip_factor_kind kind;
    size_t number;
} lip_factor;

typedef enum lip_equality_kind {                      /* number: of a gate */
                                 LIP_EQUALITY_OPEN,   /* u z - h = 0 */
                                 LIP_EQUALITY_CLOSED, /* (1 - u) h = 0 */
                                 LIP_EQUALITY_RELU,   /* h (h - z) = 0 */
                                 LIP_EQUALITY_LINK,   /* size z' - value = 0 */
                                 LIP_EQUALITIES
} lip_equality_kind;

typedef struct lip_equality {
    lip_equality_kind kind;
    size_t number;
} lip_equality;

typedef struct lip_poly_options {
    size_t part;       /* 0 .. lip_lifted_parts - 1 (problem/lifted.h) */
    bool point;        /* know the point, where the region is bounded and some neuron unstable */
    bool lifts;        /* give every gate a variable z' */
    bool keep;         /* active neurons of inner layers keep a variable h, as in published code */
    size_t most_terms; /* refuse more terms in polynomials; 0: 2,000,000 */
} lip_poly_options;

typedef struct lip_poly_problem {
    const lip_network *net;
    size_t variables;
    lip_ring_variable *variable;  /* by kind; u, h and z by layer, then index */
    bool *binary;                 /* by variable: u^2 = u */
    size_t first[LIP_RING_Z + 2]; /* variables of kind k are first[k] .. first[k + 1] - 1 */
    size_t *phase;                /* by unit: its u, or LIP_ABSENT */
    char *role; /* by unit: 'a' active or without ReLU, 'i' inactive, 'u' it has a variable u */
    char *
        value; /* by unit: 'a' its value is z, 'i' 0, 'h' most h', 'z' only z is used, 'n' neither */
    lip_output output;
    size_t gates;
    lip_gate *gate;
    size_t input_part, output_part; /* of the part; LIP_ABSENT: all */
    bool input_ball, output_ball, point_ball;
    bool fixed;             /* no w: one row of S */
    bool point;             /* x', h' or z' exist */
    size_t depth;           /* degree of F */
    double *centre, *width; /* by input: x = centre + width x', if `point` */
    lip_poly objective;     /* F, gathered */
    size_t terms;           /* stored in polynomials */
} lip_poly_problem;

/* LIP_UNSUPPORTED, naming the size, if the polynomials become too large or too deep. */
lip_status lip_poly_problem_create(const lip_network *net, const lip_preactivation *bounds,
                                   const lip_query *query, const lip_poly_options *options,
                                   lip_poly_problem **problem, lip_error *err);
void lip_poly_problem_free(lip_poly_problem *problem);

static inline size_t lip_ring_count(const lip_poly_problem *problem, lip_ring_kind kind) {
    return problem->first[kind + 1] - problem->first[kind];
}

/* *p = the polynomial of a factor or an equality, gathered; *p is cleared first.  False: out of
 * memory. */
bool lip_poly_factor(const lip_poly_problem *problem, lip_factor factor, lip_poly *p);
bool lip_poly_equality(const lip_poly_problem *problem, lip_equality equality, lip_poly *p);

/* Cliques of the objective: clique i is t_i (or the only t) with all u and w that some monomial of
 * F has together with it.  member has variables entries for each, true where the variable belongs
 * to it.  NULL: out of memory. */
bool *lip_poly_cliques(const lip_poly_problem *problem, size_t *cliques);

#endif
