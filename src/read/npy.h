/* One array in numpy's .npy format, versions 1 to 3. */
#ifndef LIP_READ_NPY_H
#define LIP_READ_NPY_H

#include "lipcert.h"

#define LIP_NPY_DIMENSIONS 32

typedef struct lip_npy {
    char kind;   /* 'f' float, 'i' signed, 'u' unsigned, 'b' bool */
    size_t item; /* bytes per entry */
    bool big_endian;
    bool fortran; /* first index fastest */
    size_t dimensions;
    size_t shape[LIP_NPY_DIMENSIONS];
    size_t count; /* product of the shape */
    const unsigned char *data;
} lip_npy;

/* Describe the array in bytes[size], which must hold it exactly; `data` points into them. */
lip_status lip_npy_parse(const unsigned char *bytes, size_t size, lip_npy *array, lip_error *err);

/* value[count] = the entries with the last index fastest, whatever the order in the file. */
void lip_npy_values(const lip_npy *array, double *value);

#endif
