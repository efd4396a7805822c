// The plainest correct form of each kernel, which the tests hold the fast variants against.
#ifndef CKERNELS_REFERENCE_H
#define CKERNELS_REFERENCE_H
#include "ckernels.h"

#ifdef __cplusplus
extern "C" {
#endif

void ck_reference_linear(
    int64_t batch, int64_t rows, int64_t inputs, int64_t outputs, const float *x, int64_t x_stride, const float *w,
    int64_t w_stride, const float *bias, int64_t bias_stride, int32_t activation, float *z, float *y);
void ck_reference_linear_input_gradient(
    int64_t batch, int64_t rows, int64_t inputs, int64_t outputs, const float *dz, const float *w, int64_t w_stride,
    float *dx, int64_t dx_stride, int32_t accumulate);
void ck_reference_linear_weight_gradient(
    int64_t batch, int64_t rows, int64_t inputs, int64_t outputs, const float *dz, const float *x, int64_t x_stride,
    float *dw, int64_t dw_stride, float *dbias, int64_t dbias_stride, int32_t accumulate);
/// Double-precision value and derivative, from libm.
double ck_reference_activation(int32_t activation, double x);
double ck_reference_activation_derivative(int32_t activation, double x);
void ck_reference_adam_step(const ck_adam *adam, int64_t count, float *p, const float *g, float *m, float *v);
void ck_reference_ensemble_step(
    const ck_ensemble *ensemble, int32_t member, int64_t count, int64_t first_row, const int32_t *index,
    uint32_t first_identity, const ck_rows *rows, const ck_noise *noise);

#ifdef __cplusplus
}
#endif
#endif
